"""Ctrl-C while an answer runs: the first stops the answer between two steps, where the engine is consistent; the
second, for those who cannot wait for the step to end, leaves the program."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any


class StopOnInterrupt:
    """Here the first SIGINT sets `stopped`, the second raises KeyboardInterrupt. For the main thread only."""

    def __init__(self) -> None:
        self.stopped = False
        self._previous: Any = None

    def __enter__(self) -> StopOnInterrupt:
        self._previous = signal.signal(signal.SIGINT, self._on_interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True
