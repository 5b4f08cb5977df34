"""Tries again what may go away by itself: longer and longer pauses, or as long as the server asks for."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

from sampan.errors import HubError
from sampan.hub.web import TransientError

MAX_FAILURES = 6  # in a row, without a byte in between
FIRST_PAUSE = 0.5  # seconds
MAX_PAUSE = 30.0
MAX_RETRY_AFTER = 300.0

T = TypeVar("T")


class Patience:
    """Counts failures in a row. `stopped` ends a pause early."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped, self._failures = stopped, 0

    def renew(self) -> None:
        """Something came."""
        self._failures = 0

    def endure(self, error: TransientError) -> None:
        """Pauses before the next attempt. Raises HubError: it was the last."""
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            remedy = "run the same command again later: it goes on where this one stopped"
            raise HubError(f"{error}, {self._failures} times in a row", remedy=remedy) from error
        pause = min(FIRST_PAUSE * 2 ** (self._failures - 1), MAX_PAUSE) * random.uniform(0.75, 1.25)
        if error.retry_after is not None:
            if error.retry_after > MAX_RETRY_AFTER:
                minutes = round(error.retry_after / 60)
                raise HubError(f"{error} and asks to wait", remedy=f"run the same command again in {minutes} minutes")
            pause = max(pause, error.retry_after)
        self._stopped.wait(pause)


def patiently(action: Callable[[], T], stopped: threading.Event) -> T:
    """What `action` returns, however often it takes."""
    patience = Patience(stopped)
    while True:
        try:
            return action()
        except TransientError as error:
            patience.endure(error)
