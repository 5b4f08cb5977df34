"""`sampan key`: made, shown once, listed, revoked."""

import json
import re

import pytest

from sampan.cli.main import main
from sampan.server.security.keys import digest_of, read_keys


@pytest.fixture
def key(tmp_path, capsys):
    """Runs `sampan key` on a file; returns its exit code, output and errors."""

    def key(*words):
        code = main(["key", *words, "--api-key-file", str(tmp_path / "keys")])
        return code, *capsys.readouterr()

    return key


def test_a_key_is_shown_once_and_kept_as_a_hash(key, tmp_path):
    code, secret, note = key("create", "ann")
    assert code == 0
    assert re.fullmatch(r"sk-sampan-\w{43}\n", secret)  # alone on standard output, for scripts
    assert "not shown again" in note
    (kept,) = read_keys(tmp_path / "keys")
    assert (kept.name, kept.role, kept.digest) == ("ann", "inference", digest_of(secret.strip().encode()))
    assert secret.strip() not in (tmp_path / "keys").read_text()
    assert secret.strip() not in key("list")[1] + key("list", "--json")[1]


def test_limits_role_and_expiry(key, tmp_path):
    limits = ["--requests-per-minute", "60", "--tokens-per-minute", "9000", "--concurrent-requests", "4"]
    made = json.loads(key("create", "bob", "--role", "admin", "--expires-in-days", "30", *limits, "--json")[1])
    (kept,) = read_keys(tmp_path / "keys")
    assert (kept.expires - kept.created).days == 30
    (listed,) = json.loads(key("list", "--json")[1])
    assert {"key": made["key"], **listed} == made
    assert listed | {"created": "", "expires": ""} == {
        "name": "bob",
        "role": "admin",
        "created": "",
        "expires": "",
        "requests_per_minute": 60,
        "tokens_per_minute": 9000,
        "concurrent_requests": 4,
    }


def test_revoked(key, tmp_path):
    key("create", "ann")
    key("create", "bob")
    assert key("revoke", "ann") == (0, "ann's key is revoked.\n", "")
    assert [kept.name for kept in read_keys(tmp_path / "keys")] == ["bob"]
    header, line = key("list")[1].splitlines()
    assert (header.split()[:2], line.split()[:2]) == (["name", "role"], ["bob", "inference"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["create"], "create needs a name"),
        (["revoke"], "revoke needs a name"),
        (["list", "ann"], "list takes no name"),
        (["list", "--role", "admin"], "list takes no role"),
        (["revoke", "ann", "--requests-per-minute", "1"], "revoke takes no role"),
        (["make", "ann"], "unknown choice 'make'"),
        (["create", "a b"], "this makes no key"),
        (["create", "ann", "--requests-per-minute", "0"], "this makes no key"),
        (["create", "ann", "--role", "root"], "unknown choice 'root'"),
        (["create", "ann", "--expires-in-days", "0"], "out of range"),
        (["revoke", "ann"], "No such file"),
        (["list"], "No such file"),
    ],
)
def test_wrong_use(key, words, message):
    code, out, error = key(*words)
    assert (code, out) == (2, "")
    assert message in error
    assert "remedy:" in error


def test_the_file_must_be_named(capsys, monkeypatch):
    monkeypatch.delenv("SAMPAN_API_KEY_FILE", raising=False)
    assert main(["key", "list"]) == 2
    assert "--api-key-file is missing" in capsys.readouterr().err
