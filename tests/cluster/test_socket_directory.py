"""Sockets lie where nobody else can reach them, and nothing is left behind."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from sampan.cluster import socket_directory as module
from sampan.cluster.socket_directory import socket_directory

OLD = 1_000_000_000


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "_base", lambda: tmp_path)
    return tmp_path


def test_it_is_private_and_removed(base: Path) -> None:
    with socket_directory() as path:
        assert path.parent == base
        assert path.stat().st_mode & 0o777 == 0o700
        (path / "engine-1.sock").touch()
    assert list(base.iterdir()) == []


def test_what_killed_supervisors_left_is_swept_and_nothing_else(base: Path) -> None:
    for name in ("sampan-dead", "sampan-new", "sampan-held", "other"):
        (base / name).mkdir()
        (base / name / "engine-1.sock").touch()
        if name != "sampan-new":
            os.utime(base / name, (OLD, OLD))
    (base / "sampan-file").touch()
    (base / "sampan-link").symlink_to(base / "other")
    held = os.open(base / "sampan-held", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with socket_directory() as path:
        left = {entry.name for entry in base.iterdir()} - {path.name}
    os.close(held)
    assert left == {"sampan-new", "sampan-held", "other", "sampan-file", "sampan-link"}
    assert (base / "other" / "engine-1.sock").exists()


def test_a_base_with_a_long_name_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with socket_directory() as path:
        assert len(os.fsencode(path / "engine-1000000.sock")) < 108
