"""Many asynchronous iterators read as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def merge(sources: Sequence[AsyncIterator[T]]) -> AsyncIterator[T]:
    """Yields items as they come, whichever source they come from, until all sources end. The first error ends it."""
    return sources[0] if len(sources) == 1 else _merged(sources)  # the common case needs no tasks


async def _merged(sources: Sequence[AsyncIterator[T]]) -> AsyncGenerator[T, None]:
    pending = {asyncio.create_task(_next(source)): source for source in sources}
    try:
        while pending:
            done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                source = pending.pop(task)
                try:
                    item = task.result()
                except StopAsyncIteration:
                    continue
                pending[asyncio.create_task(_next(source))] = source
                yield item
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


def _next(source: AsyncIterator[T]) -> Coroutine[Any, Any, T]:
    async def wait() -> T:
        return await anext(source)

    return wait()
