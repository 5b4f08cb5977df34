"""Changes to a key file: whole or not at all, and nothing else in it changes."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from key_files import key_of, write_keys
from sampan.errors import ConfigError, UsageError
from sampan.server.security.key_store import add_key, remove_key
from sampan.server.security.keys import encode_key, read_keys


def test_a_new_file_is_for_its_owner_alone(tmp_path):
    add_key(tmp_path / "keys", key_of("ann"))
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["keys"]


def test_other_lines_and_the_mode_stay(tmp_path):
    path = tmp_path / "keys"
    write_keys(path)
    path.write_bytes(b"# first\n" + encode_key(key_of("ann")) + b"\n# last")
    path.chmod(0o640)
    add_key(path, key_of("bob"))
    assert path.read_bytes() == b"# first\n" + encode_key(key_of("ann")) + b"\n# last\n" + encode_key(key_of("bob"))
    remove_key(path, "ann")
    assert path.read_bytes() == b"# first\n\n# last\n" + encode_key(key_of("bob"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_names_are_unique_and_known(tmp_path):
    path = tmp_path / "keys"
    write_keys(path, key_of("ann"))
    with pytest.raises(UsageError, match="a key for ann already"):
        add_key(path, key_of("ann"))
    with pytest.raises(UsageError, match="no key for bob"):
        remove_key(path, "bob")


def test_changes_at_once_are_all_kept(tmp_path):
    path = tmp_path / "keys"
    names = [f"n{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: add_key(path, key_of(name)), names))
    assert sorted(key.name for key in read_keys(path)) == sorted(names)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    write_keys(tmp_path / "real" / "keys", key_of("ann"))
    (tmp_path / "keys").symlink_to(tmp_path / "real" / "keys")
    add_key(tmp_path / "keys", key_of("bob"))
    assert (tmp_path / "keys").is_symlink()
    assert len(read_keys(tmp_path / "real" / "keys")) == 2


def test_a_file_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "keys"
    write_keys(path)
    path.write_text("precious\n")
    for change in (lambda: add_key(path, key_of("ann")), lambda: remove_key(path, "ann")):
        with pytest.raises(ConfigError, match="line 1"):
            change()
    assert path.read_text() == "precious\n"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        add_key(tmp_path / "absent" / "keys", key_of("ann"))
