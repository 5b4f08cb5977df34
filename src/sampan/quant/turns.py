"""Processes take turns where they would otherwise do the same work, or overwrite each other's."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sampan.errors import CheckpointError

POLL_SECONDS = 0.1


@contextmanager
def my_turn(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Lets one process at a time make `path`, and clears away what one that was killed left behind: the system gives
    its lock back at once.

    Args:
        waiting: called again and again while another process has its turn.

    Raises:
        CheckpointError: the folder cannot be written to.
    """
    lock = path.with_name(f".{path.name}.lock")
    while True:
        fd = _open_locked(lock, waiting)
        try:
            if not _is_same(fd, lock):
                continue
            for unfinished in path.parent.glob(f".{path.name}.*.tmp"):
                unfinished.unlink(missing_ok=True)
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
            return
        finally:
            os.close(fd)


def _open_locked(lock: Path, waiting: Callable[[], None] | None) -> int:
    fd = None
    try:
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while not _try_lock(fd):
            if waiting is not None:
                waiting()
            time.sleep(POLL_SECONDS)
        locked, fd = fd, None
        return locked
    except OSError as error:
        raise CheckpointError(
            f"{lock.parent} cannot be written to: {error.strerror}", remedy="let SAMPAN_HOME name another folder"
        ) from error
    finally:
        if fd is not None:
            os.close(fd)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def _is_same(fd: int, path: Path) -> bool:
    """Whether the name still stands for the open file, which its last holder may have removed."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False
