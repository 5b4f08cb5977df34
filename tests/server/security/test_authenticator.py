"""The keys of a running server follow their file."""

from __future__ import annotations

import os

import pytest

from key_files import key_of, secret_of, write_keys
from sampan.config import ServerConfig
from sampan.errors import ConfigError
from sampan.server import watched_files as module
from sampan.server.security.authenticator import Authenticator
from sampan.server.security.key_store import add_key, remove_key


@pytest.fixture
def clock(monkeypatch):
    """Seconds, and the tests say how many."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def known(keys, *names):
    return [name for name in names if keys.find(secret_of(name).encode()) is not None]


def test_changes_count_a_second_later(tmp_path, clock):
    path = tmp_path / "keys"
    keys = Authenticator(ServerConfig(api_key_file=write_keys(path, key_of("ann"))))
    add_key(path, key_of("bob"))
    remove_key(path, "ann")
    assert known(keys, "ann", "bob") == ["ann"]
    clock[0] += module.POLL_SECONDS
    assert known(keys, "ann", "bob") == ["bob"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text("{"),
        lambda path: path.chmod(0o644),
        lambda path: path.write_bytes(path.read_bytes() * 2),
    ],
    ids=["absent", "broken", "open to others", "doubled"],
)
def test_a_file_that_cannot_be_used_changes_nothing_and_is_said_once(tmp_path, clock, caplog, damage):
    path = tmp_path / "keys"
    keys = Authenticator(ServerConfig(api_key_file=write_keys(path, key_of("ann"))))
    damage(path)
    for _ in range(3):
        clock[0] += module.POLL_SECONDS
        assert known(keys, "ann", "bob") == ["ann"]
    (record,) = caplog.records
    assert record.getMessage().startswith("API keys stay as they were: ")
    assert "\n" not in record.getMessage()
    write_keys(path, key_of("bob"))
    clock[0] += module.POLL_SECONDS
    assert known(keys, "ann", "bob") == ["bob"]


def test_a_new_file_of_the_same_size_and_time_is_seen(tmp_path, clock):
    path = tmp_path / "keys"
    keys = Authenticator(ServerConfig(api_key_file=write_keys(path, key_of("ann"))))
    before = path.stat()
    write_keys(tmp_path / "new", key_of("bob"))
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "new").replace(path)
    clock[0] += module.POLL_SECONDS
    assert known(keys, "ann", "bob") == ["bob"]


def test_a_file_that_cannot_be_used_at_the_start(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        Authenticator(ServerConfig(api_key_file=str(tmp_path / "absent")))
