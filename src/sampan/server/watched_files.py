"""Notices that files have changed, without a thread and without a timer."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

POLL_SECONDS = 1.0


class WatchedFiles:
    """Files that are looked at when somebody asks, at most once a second.

    Make it before reading them: a change in between is then noticed the next time.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._seen = self._signatures()
        self._next_look = time.monotonic() + POLL_SECONDS

    def have_changed(self) -> bool:
        """Whether one of them has, since this was true the last time."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + POLL_SECONDS
        signatures = self._signatures()
        changed = signatures != self._seen
        self._seen = signatures
        return changed

    def _signatures(self) -> list[tuple[int, ...]]:
        return [_signature(path) for path in self._paths]


def _signature(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode, found.st_uid
