"""The engine in its thread: streams, refusals, aborts, failure and the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from random_model import run, tokens_of
from sampan.backends.paddle import PaddleBackend
from sampan.cluster import EngineClient, ThreadEngine
from sampan.engine.engine import Engine
from sampan.engine.outputs import EngineOutput, FinishReason
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import EngineError, OverloadedError, RequestError

EngineFactory = Callable[..., Engine]
GREEDY = SamplingParams(temperature=0, max_tokens=12, ignore_eos=True)
ENDLESS = SamplingParams(temperature=0, ignore_eos=True)


def with_client(engine: Engine, main: Callable[[EngineClient], Coroutine[Any, Any, None]]) -> None:
    """Runs `main` with a client, closes it, and sees that the thread has ended."""

    async def body() -> None:
        client = ThreadEngine(engine, engine._backend.config)
        try:
            await asyncio.wait_for(main(client), timeout=60)
        finally:
            await asyncio.wait_for(client.close(), timeout=60)
        assert not client._thread.is_alive()

    asyncio.run(body())


async def collect(
    client: EngineClient, name: str, prompt: list[int], params: SamplingParams = GREEDY
) -> list[EngineOutput]:
    return [output async for output in await client.generate(name, prompt, params)]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_streams_bring_what_the_engine_alone_brings(make_engine: EngineFactory) -> None:
    prompts = {f"r{i}": [9 + i] * (3 + 5 * i) for i in range(8)}
    alone = run(make_engine(), [Request(name, prompt, GREEDY) for name, prompt in prompts.items()])

    async def main(client: EngineClient) -> None:
        streams = await asyncio.gather(*(collect(client, name, prompt) for name, prompt in prompts.items()))
        for name, outputs in zip(prompts, streams, strict=True):
            assert tokens_of(outputs) == tokens_of(alone[name])
            assert outputs[-1].finish_reason is FinishReason.LENGTH
        assert (client.status().ready, client.status().num_free_blocks) == (True, 256)

    with_client(make_engine(), main)


def test_a_refusal_comes_before_the_stream(make_engine: EngineFactory) -> None:
    async def main(client: EngineClient) -> None:
        with pytest.raises(RequestError, match="empty"):
            await client.generate("a", [], GREEDY)
        first = await client.generate("a", [9], ENDLESS)
        await until(lambda: client.status().num_running == 1)
        await client.generate("b", [9], ENDLESS)
        with pytest.raises(OverloadedError):
            await client.generate("c", [9], ENDLESS)
        await first.aclose()

    with_client(make_engine(max_num_waiting=1, max_num_seqs=1), main)


def test_a_closed_stream_frees_its_blocks_and_the_others_go_on(make_engine: EngineFactory) -> None:
    async def main(client: EngineClient) -> None:
        leaving = await client.generate("leaving", [9] * 40, ENDLESS)
        staying = asyncio.create_task(collect(client, "staying", [8] * 4, GREEDY))
        await leaving.__anext__()
        await leaving.aclose()
        await leaving.aclose()
        with pytest.raises(StopAsyncIteration):
            await leaving.__anext__()
        assert len(await staying) == 12
        await until(lambda: client.status().num_free_blocks == 256)

    with_client(make_engine(), main)


def test_a_stream_that_was_never_read_can_be_closed(make_engine: EngineFactory) -> None:
    async def main(client: EngineClient) -> None:
        stream = await client.generate("a", [9] * 40, ENDLESS)
        await stream.aclose()
        await until(lambda: client.status().num_free_blocks == 256 and client.status().num_waiting == 0)

    with_client(make_engine(), main)


def test_closing_ends_open_streams_and_refuses_new_ones(make_engine: EngineFactory) -> None:
    async def main(client: EngineClient) -> None:
        stream = await client.generate("a", [9], ENDLESS)
        await stream.__anext__()
        await client.close()
        outputs = [output async for output in stream]
        assert outputs[-1].finish_reason is FinishReason.ABORT
        with pytest.raises(EngineError, match="closing"):
            await client.generate("b", [9], GREEDY)
        assert client.status().reason == "closing"

    with_client(make_engine(), main)


def test_a_failing_step_reaches_every_stream_and_readiness(
    make_engine: EngineFactory, backend: PaddleBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(client: EngineClient) -> None:
        streams = [await client.generate(name, [9], ENDLESS) for name in "ab"]
        await streams[0].__anext__()

        def fail(batch: object) -> None:
            raise MemoryError("secret detail")

        monkeypatch.setattr(backend, "execute", fail)
        for stream in streams:
            with pytest.raises(EngineError, match="MemoryError") as caught:
                [output async for output in stream]
            assert "secret" not in str(caught.value)
        assert (client.status().ready, client.status().reason) == (False, "failed")
        with pytest.raises(EngineError):
            await client.generate("c", [9], GREEDY)

    with_client(make_engine(), main)
