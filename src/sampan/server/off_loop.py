"""Keeps the event loop free for other requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import to_thread

T = TypeVar("T")


async def off_loop_if(heavy: bool, work: Callable[[], T]) -> T:
    """Runs `work` here where it is light, else in a thread."""
    return await to_thread.run_sync(work) if heavy else work()
