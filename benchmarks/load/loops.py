"""When requests are sent.

An open loop sends at a rate whatever the server does, as many independent users do: arrivals are a Poisson process. A
closed loop keeps a number of requests open: each that ends is followed by the next.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

from benchmarks.load.client import Client
from benchmarks.load.exchange import Outcome, clock


async def open_loop(
    client: Client, bodies: Iterator[bytes], *, rate: float, seconds: float, seed: int
) -> list[Outcome]:
    """`rate` requests a second on average, for so many seconds; returns when all have ended."""
    gaps = random.Random(seed)
    start = clock()
    due = start + gaps.expovariate(rate)
    tasks: list[asyncio.Task[Outcome]] = []
    while due < start + seconds:
        if (delay := due - clock()) > 0:
            await asyncio.sleep(delay)
        tasks.append(asyncio.create_task(client.ask(next(bodies), due)))
        due += gaps.expovariate(rate)
    return list(await asyncio.gather(*tasks))


async def closed_loop(
    client: Client,
    bodies: Iterator[bytes],
    *,
    concurrency: int,
    seconds: float = float("inf"),
    count: int | None = None,
) -> list[Outcome]:
    """`concurrency` requests at a time, begun within so many seconds and `count` in all; returns when all have
    ended."""
    ends = clock() + seconds
    outcomes: list[Outcome] = []
    num_begun = 0

    async def user() -> None:
        nonlocal num_begun
        while clock() < ends and (count is None or num_begun < count):
            num_begun += 1
            outcomes.append(await client.ask(next(bodies)))

    await asyncio.gather(*(user() for _ in range(concurrency)))
    return outcomes
