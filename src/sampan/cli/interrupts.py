"""What Ctrl-C does where it must not simply raise KeyboardInterrupt wherever the program happens to be.

For the main thread only, as all signal handlers of Python.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # the exit code: 128 + SIGINT, as shells report it
CLEAN_LINE = "\x1b[?25h\r\x1b[K"  # shows the cursor again and wipes the spinner's line


class StopOnInterrupt:
    """A handler: the first SIGINT sets `stopped`, so that an answer ends between two steps, where the engine is
    consistent. The second, for those who cannot wait for the step to end, raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.stopped = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True


def exit_on_interrupt(number: int, frame: FrameType | None) -> None:
    """A handler: SIGINT ends the process at once. While a library is imported or weights are read there is nothing to
    save, and an exception in the middle of it would come out as some other error."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), CLEAN_LINE.encode())
    os._exit(INTERRUPTED)


@contextmanager
def on_interrupt(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """SIGINT calls `handler` while the body runs."""
    previous = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
