"""What a key file may hold, and what it may not."""

from __future__ import annotations

import os
import re
from datetime import timedelta

import pytest

from key_files import MADE, key_of, write_keys
from sampan.errors import ConfigError
from sampan.server.security.keys import MAX_FILE_BYTES, digest_of, encode_key, new_secret, parse_keys, read_keys

LINE = encode_key(key_of("ann"))


def test_new_keys_are_long_and_never_the_same():
    keys = {new_secret() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(re.fullmatch("sk-sampan-[A-Za-z0-9]{43}", key) for key in keys)


def test_what_is_written_is_read(tmp_path):
    keys = (key_of("ann"), key_of("bob", role="admin", expires=MADE, requests_per_minute=1, concurrent_requests=2))
    assert read_keys(tmp_path / write_keys(tmp_path / "keys", *keys)) == keys


def test_comments_and_empty_lines_are_skipped(tmp_path):
    assert parse_keys(b"# people\n\n" + LINE + b"\r\n", tmp_path) == (key_of("ann"),)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"\xff",
        b'{"name":"ann"}',
        LINE.replace(b'"name"', b'"key":"sk-secret","name"'),
        LINE.replace(b'"ann"', b'"a b"'),
        LINE.replace(b'"ann"', b'"a\\nb"'),
        LINE.replace(b'"ann"', b'""'),
        LINE.replace(b'"sha256":"', b'"sha256":"0'),
        LINE.replace(b'"created"', b'"role":"root","created"'),
        LINE.replace(b'"created"', b'"requests_per_minute":0,"created"'),
        LINE.replace(b'"created"', b'"concurrent_requests":true,"created"'),
        LINE.replace(b"Z", b""),
    ],
    ids=range(13),
)
def test_a_line_that_is_no_key_is_named_and_not_shown(tmp_path, line):
    with pytest.raises(ConfigError, match=r"keys, line 2: no API key") as caught:
        parse_keys(b"# a comment\n" + line, tmp_path / "keys")
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("other", [LINE, encode_key(key_of("bob")).replace(b"bob", b"ann")], ids=["hash", "name"])
def test_keys_differ_in_name_and_hash(tmp_path, other):
    with pytest.raises(ConfigError, match="two keys have the"):
        parse_keys(LINE + other, tmp_path)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o666, 0o644, 0o601])
def test_a_file_that_others_can_open_is_refused(tmp_path, mode):
    path = tmp_path / "keys"
    write_keys(path, key_of("ann"))
    path.chmod(mode)
    with pytest.raises(ConfigError, match="is open to others") as caught:
        read_keys(path)
    assert caught.value.remedy == f"chmod 600 {path}"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_owner_and_group_may_read(tmp_path, mode):
    path = tmp_path / "keys"
    write_keys(path, key_of("ann"))
    path.chmod(mode)
    assert len(read_keys(path)) == 1


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, message in (("absent", "No such file"), ("pipe", "is not a file"), ("", "is not a file")):
        with pytest.raises(ConfigError, match=message):
            read_keys(tmp_path / name)


def test_a_huge_file_is_refused(tmp_path):
    path = tmp_path / "keys"
    path.touch(0o600)
    os.truncate(path, MAX_FILE_BYTES + 1)
    with pytest.raises(ConfigError, match="is larger than"):
        read_keys(path)


def test_expiry():
    key = key_of("ann", expires=MADE)
    second = timedelta(seconds=1)
    assert [key.has_expired(MADE + step * second) for step in (-1, 0, 1)] == [False, True, True]
    assert not key_of("ann").has_expired(MADE)


def test_digests_are_sha256():
    # FIPS 180-2, appendix B.1
    assert digest_of(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
