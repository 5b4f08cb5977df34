"""An engine process and its client, over real sockets: what arrives is what the engine alone brings, whatever happens
on the way."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import zmq

from cluster_process import wait_until
from engine_processes import RunningEngine, engine_process
from sampan.cluster import EngineSpec, ProcessEngine, process_engine
from sampan.cluster.control import Channel
from sampan.cluster.engine_loop import EngineLoop
from sampan.cluster.messages import Abort, Command, Delivery, Hello, Submit, decode_delivery, encode
from sampan.cluster.open_request import SUSPECT_AFTER, OpenRequest
from sampan.cluster.step_watch import StepWatch
from sampan.config import EngineConfig
from sampan.engine.engine import Engine
from sampan.engine.loader import load_model
from sampan.engine.outputs import EngineOutput, FinishReason
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import ContextLengthError, EngineError, OverloadedError, RequestError, UnavailableError
from sampan.text import Tokenizer

GREEDY = SamplingParams(temperature=0, max_tokens=40, ignore_eos=True)
SEEDED = SamplingParams(temperature=0.8, top_p=0.95, seed=7, max_tokens=200, ignore_eos=True, logprobs=2)
ENDLESS = SamplingParams(temperature=0, ignore_eos=True)
PROMPT = list(range(20, 60))
NUM_BLOCKS = 512


@pytest.fixture(scope="module")
def running() -> Iterator[RunningEngine]:
    with engine_process(EngineSpec(config=EngineConfig(num_blocks=NUM_BLOCKS))) as engine:
        yield engine


@pytest.fixture(scope="module")
def alone() -> Engine:
    return load_model(config=EngineConfig(num_blocks=NUM_BLOCKS)).engine


def run_alone(engine: Engine, prompt: list[int], params: SamplingParams) -> list[EngineOutput]:
    engine.add_request(Request("alone", prompt, params))
    outputs = []
    while engine.has_unfinished:
        outputs += engine.step()
    return outputs


def whole(outputs: list[EngineOutput]) -> tuple[Any, ...]:
    """All that a request brought, as plain values."""
    logprobs = [
        (entry.token_ids.tolist(), entry.logprobs.tobytes(), entry.rank)
        for output in outputs
        for entry in output.logprobs
    ]
    tokens = [token for output in outputs for token in output.new_token_ids]
    return tokens, logprobs, outputs[-1].finish_reason, outputs[-1].stop_reason


def with_client(
    running: RunningEngine, main: Callable[[ProcessEngine], Coroutine[Any, Any, None]], *, connect: bool = True
) -> None:
    """Runs `main` with a client, and closes it."""

    async def body() -> None:
        client = ProcessEngine(running.model.config, running.model.max_model_len)
        if connect:
            client.connect(running.endpoint)
        try:
            await asyncio.wait_for(main(client), timeout=150)  # a loaded machine takes its time
        finally:
            await client.close()

    asyncio.run(body())


async def collect(client: ProcessEngine, name: str, prompt: list[int], params: SamplingParams) -> list[EngineOutput]:
    return [output async for output in await client.generate(name, prompt, params)]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_streams_bring_what_the_engine_alone_brings(running: RunningEngine, alone: Engine) -> None:
    prompts = {f"r{i}": PROMPT[i:] for i in range(8)}

    async def main(client: ProcessEngine) -> None:
        streams = await asyncio.gather(*(collect(client, name, prompt, SEEDED) for name, prompt in prompts.items()))
        for prompt, outputs in zip(prompts.values(), streams, strict=True):
            assert whole(outputs) == whole(run_alone(alone, prompt, SEEDED))
        await until(lambda: client.status().num_free_blocks == NUM_BLOCKS)
        assert (client.status().ready, client.status().num_blocks) == (True, NUM_BLOCKS)

    with_client(running, main)


def test_sockets_are_the_owner_s_alone(running: RunningEngine) -> None:
    path = Path(running.endpoint.removeprefix("ipc://"))
    assert path.is_socket()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_engine_process_does_without_paddle(running: RunningEngine) -> None:
    maps = Path(f"/proc/{running.child.pid}/maps").read_text()
    assert "_native" in maps
    assert "paddle" not in maps


def test_what_a_slow_reader_has_not_read_is_one_output(running: RunningEngine, alone: Engine) -> None:
    async def main(client: ProcessEngine) -> None:
        stream = await client.generate("slow", PROMPT, SEEDED)
        await until(lambda: not stream.is_open)
        outputs = [output async for output in stream]
        assert len(outputs) == 1
        assert whole(outputs) == whole(run_alone(alone, PROMPT, SEEDED))

    with_client(running, main)


def test_a_reader_in_no_hurry_gets_few_outputs(running: RunningEngine, alone: Engine) -> None:
    """Some hundred tokens at most at a time, so that turning them into text does not hold others up."""
    params = SamplingParams(temperature=0.8, seed=7, max_tokens=600, ignore_eos=True, logprobs=2)

    async def main(client: ProcessEngine) -> None:
        stream = await client.generate("patient", PROMPT, params)
        stream.take_time()
        outputs = [output async for output in stream]
        assert whole(outputs) == whole(run_alone(alone, PROMPT, params))
        assert len(outputs) <= 4
        assert all(output.finish_reason is None for output in outputs[:-1])

    with_client(running, main)


def test_refusals_come_before_the_stream(running: RunningEngine) -> None:
    async def main(client: ProcessEngine) -> None:
        with pytest.raises(RequestError, match="empty") as empty:
            await client.generate("a", [], GREEDY)
        assert empty.value.param == "prompt"
        with pytest.raises(ContextLengthError, match="exceed the context"):
            await client.generate("a", PROMPT, SamplingParams(max_tokens=100_000))
        stream = await client.generate("a", PROMPT, ENDLESS)
        with pytest.raises(RequestError, match="already open"):
            await client.generate("a", PROMPT, GREEDY)
        await stream.aclose()

    with_client(running, main)


def test_a_full_queue_refuses(alone: Engine) -> None:
    async def main(client: ProcessEngine) -> None:
        first = await client.generate("a", PROMPT, ENDLESS)
        await until(lambda: client.status().num_running == 1)
        second = await client.generate("b", PROMPT, GREEDY)
        with pytest.raises(OverloadedError):
            await client.generate("c", PROMPT, GREEDY)
        await first.aclose()
        assert whole([output async for output in second]) == whole(run_alone(alone, PROMPT, GREEDY))

    with engine_process(EngineSpec(config=EngineConfig(max_num_waiting=1, max_num_seqs=1))) as running:
        with_client(running, main)


def test_a_closed_stream_frees_its_blocks_and_others_go_on(running: RunningEngine, alone: Engine) -> None:
    async def main(client: ProcessEngine) -> None:
        leaving = await client.generate("leaving", PROMPT, ENDLESS)
        unread = await client.generate("unread", PROMPT, ENDLESS)
        staying = asyncio.create_task(collect(client, "staying", PROMPT[:4], GREEDY))
        await leaving.__anext__()
        for stream in (leaving, leaving, unread):
            await stream.aclose()
        with pytest.raises(StopAsyncIteration):
            await leaving.__anext__()
        assert whole(await staying) == whole(run_alone(alone, PROMPT[:4], GREEDY))
        await until(lambda: client.status().num_free_blocks == NUM_BLOCKS)

    with_client(running, main)


def test_who_gives_up_before_the_request_is_accepted_leaves_nothing(running: RunningEngine) -> None:
    async def main(client: ProcessEngine) -> None:
        waiting = asyncio.create_task(client.generate("a", PROMPT, ENDLESS))
        await asyncio.sleep(0)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        await collect(client, "a", PROMPT, GREEDY)
        await until(lambda: client.status().num_free_blocks == NUM_BLOCKS)

    with_client(running, main)


def test_closing_ends_open_streams_and_refuses_new_ones(running: RunningEngine) -> None:
    async def main(client: ProcessEngine) -> None:
        stream = await client.generate("a", PROMPT, ENDLESS)
        await stream.__anext__()
        await client.close()
        assert [output async for output in stream][-1].finish_reason is FinishReason.ABORT
        with pytest.raises(UnavailableError, match="closing"):
            await client.generate("b", PROMPT, GREEDY)
        assert (client.status().ready, client.status().reason) == (False, "closing")

    with_client(running, main)


def test_a_failed_cluster_fails_open_streams_behind_what_they_have(running: RunningEngine) -> None:
    async def main(client: ProcessEngine) -> None:
        stream = await client.generate("a", PROMPT, ENDLESS)
        await until(lambda: len(stream.submit().output_token_ids) > 3)
        client.fail(EngineError("no more engines"))
        assert len((await stream.__anext__()).new_token_ids) > 3
        with pytest.raises(EngineError, match="no more"):
            await stream.__anext__()
        with pytest.raises(StopAsyncIteration):
            await stream.__anext__()
        with pytest.raises(EngineError, match="no more"):
            await client.generate("b", PROMPT, GREEDY)
        assert (client.status().ready, client.status().reason) == (False, "failed")

    with_client(running, main)


def test_the_requests_of_a_worker_that_is_gone_are_dropped(running: RunningEngine) -> None:
    async def main(client: ProcessEngine) -> None:
        dead = ProcessEngine(running.model.config, running.model.max_model_len)
        dead.connect(running.endpoint)
        await dead.generate("orphan", PROMPT, ENDLESS)
        await until(lambda: client.status().num_running == 1)
        assert dead._connection is not None
        dead._connection.close()  # as the kernel does for a killed process
        await until(lambda: client.status().num_free_blocks == NUM_BLOCKS)

    with_client(running, main)


def test_another_engine_goes_on_where_one_was_killed(running: RunningEngine, alone: Engine) -> None:
    """Also for a request that named no seed: the second engine must draw with the first one's."""

    async def main(client: ProcessEngine) -> None:
        unseeded = SamplingParams(temperature=1.0, max_tokens=200, ignore_eos=True)
        with engine_process() as mortal:
            client.connect(mortal.endpoint)
            streams = [
                await client.generate(name, PROMPT, params)
                for name, params in (("seeded", SEEDED), ("unseeded", unseeded), ("greedy", GREEDY))
            ]
            await until(lambda: all(len(stream.submit().output_token_ids) > 5 for stream in streams))
            mortal.child.end()
        client.connect(None)
        assert (client.status().ready, client.status().reason) == (False, "restarting")
        waiting = asyncio.create_task(collect(client, "waiting", PROMPT[:9], GREEDY))
        await asyncio.sleep(0.05)
        params = [stream.submit().params for stream in streams]
        counts = [len(stream.submit().output_token_ids) for stream in streams]
        client.connect(running.endpoint)
        for stream, its_params, count in zip(streams, params, counts, strict=True):
            outputs = [output async for output in stream]
            assert whole(outputs) == whole(run_alone(alone, PROMPT, its_params))
            assert count < its_params.max_tokens
        assert params[1].seed is not None
        assert whole(await waiting) == whole(run_alone(alone, PROMPT[:9], GREEDY))

    with_client(running, main, connect=False)


def test_whoever_saw_engines_die_is_tried_alone_and_cleared(
    running: RunningEngine, alone: Engine, tmp_path: Path
) -> None:
    async def main(client: ProcessEngine) -> None:
        prompts = {f"r{i}": PROMPT[i:] for i in range(4)}
        tasks = [asyncio.create_task(collect(client, name, prompt, SEEDED)) for name, prompt in prompts.items()]
        refused = asyncio.create_task(collect(client, "refused", [], SEEDED))
        await asyncio.sleep(0)
        for index in range(SUSPECT_AFTER):
            client.connect(f"ipc://{tmp_path}/{index}")  # nobody is there
            client.connect(None)
        client.connect(running.endpoint)
        assert [request.request_id for request in client._held_back] == [*prompts, "refused"]
        with pytest.raises(RequestError, match="empty"):
            await refused
        for task, prompt in zip(tasks, prompts.values(), strict=True):
            assert whole(await task) == whole(run_alone(alone, prompt, SEEDED))
        assert client._held_back == []

    with_client(running, main, connect=False)


def test_a_worker_that_does_not_read_is_dropped_and_goes_on_later(
    alone: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, folders)))
    monkeypatch.setenv("MAX_UNREAD", "10")
    monkeypatch.setattr(process_engine, "MAX_UNREAD_DELIVERIES", 10)
    params = SamplingParams(temperature=0.8, seed=3, max_tokens=1000, ignore_eos=True, logprobs=20)
    prompts = {f"r{i}": PROMPT[i:] for i in range(8)}  # sockets of the system hold some hundred kilobytes as well

    async def main(client: ProcessEngine) -> None:
        observer = ProcessEngine(running.model.config, running.model.max_model_len)
        observer.connect(running.endpoint)
        streams = [await client.generate(name, prompt, params) for name, prompt in prompts.items()]
        await until(lambda: observer.status().num_running == len(streams))
        while observer.status().num_running:
            time.sleep(0.1)  # of this loop, which both share
            assert observer._connection is not None
            observer._connection._drain()
        assert all(stream.is_open for stream in streams)
        for stream, prompt in zip(streams, prompts.values(), strict=True):
            assert whole([output async for output in stream]) == whole(run_alone(alone, prompt, params))
        await observer.close()

    with engine_process(module="faulty_engine") as running:
        with_client(running, main)


def test_answer_now_reaches_requests_of_other_workers_and_later_engines(running: RunningEngine) -> None:
    tokenizer = Tokenizer.from_dir(Path(running.model.path))
    start, end = tokenizer.think_start_id, tokenizer.think_end_id
    assert start is not None
    assert end is not None
    params = SamplingParams(temperature=0, ignore_eos=True, logit_bias={start: -100.0, end: -100.0})  # for ever
    prompt = [*PROMPT, start]

    async def until_answer(stream: OpenRequest) -> None:
        tokens: list[int] = []
        while end not in tokens:
            tokens += (await stream.__anext__()).new_token_ids

    async def main(client: ProcessEngine) -> None:
        other = ProcessEngine(running.model.config, running.model.max_model_len)
        with engine_process(EngineSpec(config=EngineConfig(num_blocks=NUM_BLOCKS))) as mortal:
            client.connect(mortal.endpoint)
            other.connect(mortal.endpoint)
            streams = [await client.generate(f"chat-{index}", prompt, params) for index in range(2)]
            assert await other.answer_now("chat")
            for stream in streams:
                await until_answer(stream)
                assert stream.submit().answer_now
                await stream.aclose()
            later = await client.generate("later-0", prompt, params)
            mortal.child.end()
        for each in (client, other):
            each.connect(None)
        asking = asyncio.create_task(other.answer_now("later"))
        other.connect(running.endpoint)
        await asyncio.sleep(0.2)  # the worker of the request comes after the one who asks
        client.connect(running.endpoint)
        assert await asking
        await until_answer(later)
        await later.aclose()
        assert not await other.answer_now("nobody")
        await other.close()
        with pytest.raises(UnavailableError):
            await other.answer_now("nobody")

    with_client(running, main, connect=False)


def test_what_was_sent_before_a_worker_heard_that_it_was_dropped_does_not_count(alone: Engine, tmp_path: Path) -> None:
    """Else it would be computed twice, and its first tokens arrive twice."""
    loop = EngineLoop(alone, f"ipc://{tmp_path}/engine.sock", StepWatch(cast(Channel, None)))
    worker = zmq.Context.instance().socket(zmq.DEALER)
    worker.connect(f"ipc://{tmp_path}/engine.sock")

    def say(*commands: Command) -> None:
        for command in commands:
            worker.send(encode(command))
            wait_until(loop._receive)

    def hear() -> Delivery:
        loop._deliver(loop._status(), everyone=True)
        return decode_delivery(worker.recv())

    submit = Submit("a", PROMPT, GREEDY, [], False, "", "", 0, None, False)
    say(Hello(), submit)
    assert hear().accepted == ["a"]
    (state,) = loop._workers.values()
    loop._drop(state)
    state.is_reset = state.is_deaf = True
    say(msgspec.structs.replace(submit, request_id="b"))
    delivery = hear()
    assert (delivery.is_reset, delivery.accepted, alone.has_unfinished) == (True, [], False)
    say(Hello(), submit)
    delivery = hear()
    assert (delivery.is_reset, delivery.accepted) == (False, ["a"])
    say(Abort("a"))
    worker.close(linger=0)
    loop._socket.close(linger=0)


def test_round_trips(running: RunningEngine) -> None:
    """Says what a request of one token costs, the engine's step included."""

    async def main(client: ProcessEngine) -> None:
        params = SamplingParams(temperature=0, max_tokens=1)
        started = time.perf_counter()
        for index in range(200):
            await collect(client, f"r{index}", [20], params)
        print(f"\na request of one token: {(time.perf_counter() - started) / 200 * 1e6:.0f} us")

    with_client(running, main)
