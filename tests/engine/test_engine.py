"""The engine over a real backend: equal tokens under every circumstance, and how requests end.

Every comparison is exact: token ids, log-probabilities to the last bit, finish reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from random_model import EOS, VOCAB, Signature, run, signatures, tokens_of
from sampan.backends.base import Backend, StepOutput
from sampan.backends.paddle import PaddleBackend
from sampan.engine.engine import Engine
from sampan.engine.outputs import FinishReason
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import ContextLengthError, OverloadedError, RequestError

EngineFactory = Callable[..., Engine]


def mixed_requests(count: int) -> list[Request]:
    """Short and long prompts, greedy and sampled; the second half repeats beginnings of the first."""
    rng = np.random.default_rng(1)
    requests = []
    for index in range(count):
        prompt = rng.integers(4, VOCAB, size=int(rng.integers(1, 90))).tolist()
        if index >= count // 2 and len(requests[index - count // 2].token_ids) > 40:
            prompt = requests[index - count // 2].token_ids[:40] + prompt[:5]
        params = SamplingParams(
            max_tokens=int(rng.integers(2, 24)),
            temperature=0.0 if index % 2 else 0.8,
            top_p=0.95,
            top_k=40 if index % 3 == 0 else 0,
            repetition_penalty=1.2 if index % 4 == 0 else 1.0,
            seed=index,
            logprobs=2,
        )
        requests.append(Request(f"r{index}", prompt, params))
    return requests


@pytest.fixture(scope="module")
def alone(make_engine: EngineFactory) -> dict[str, Signature]:
    """Each request by itself, in an engine of its own kind: no cache, one chunk."""
    result: dict[str, Signature] = {}
    for request in mixed_requests(32):
        result |= signatures(run(make_engine(enable_prefix_caching=False), [request]))
    return result


def test_the_outputs_are_worth_comparing(alone: dict[str, Signature]) -> None:
    assert len({tuple(tokens) for tokens, _, _ in alone.values()}) == 32
    assert max(len(set(tokens)) for tokens, _, _ in alone.values()) > 8


def test_alone_equals_in_a_batch_of_32(make_engine: EngineFactory, alone: dict[str, Signature]) -> None:
    engine = make_engine(enable_prefix_caching=False)
    assert signatures(run(engine, mixed_requests(32))) == alone


@pytest.mark.parametrize("chunk", [1, 7, 16, 33])
def test_any_chunk_size(make_engine: EngineFactory, alone: dict[str, Signature], chunk: int) -> None:
    requests = mixed_requests(32)[: 6 if chunk < 16 else 16]
    outputs = signatures(run(make_engine(max_num_batched_tokens=chunk), requests))
    assert outputs == {name: alone[name] for name in outputs}


def test_a_warm_prefix_cache(make_engine: EngineFactory, alone: dict[str, Signature]) -> None:
    engine = make_engine(num_blocks=512)
    assert signatures(run(engine, mixed_requests(32))) == alone
    warm = run(engine, mixed_requests(32))
    assert signatures(warm) == alone
    assert sum(parts[-1].num_cached_tokens for parts in warm.values()) > 500


def test_a_pool_for_two_requests_under_sixteen_that_run(
    make_engine: EngineFactory, alone: dict[str, Signature]
) -> None:
    engine = make_engine(num_blocks=14, max_num_seqs=16)  # the longest take seven
    outputs = signatures(run(engine, mixed_requests(32)))
    assert outputs == alone
    assert engine.scheduler.num_preemptions > 5


@pytest.mark.parametrize("part", [0.3, 0.8])
def test_resumed_from_prompt_and_tokens_so_far(
    make_engine: EngineFactory, alone: dict[str, Signature], part: float
) -> None:
    """What another engine does after a crash, for all of them at once: tokens, log-probabilities and ends are the rest
    of what they would have been."""
    requests, expected = [], {}
    for request in mixed_requests(32):
        tokens, logprobs, reason = alone[request.request_id]
        done = int(part * len(tokens))
        requests.append(Request(request.request_id, request.token_ids, request.params, output_token_ids=tokens[:done]))
        expected[request.request_id] = (tokens[done:], logprobs[done:], reason)
    assert signatures(run(make_engine(), requests)) == expected


def test_whose_turn_it_is_changes_nothing(make_engine: EngineFactory, alone: dict[str, Signature]) -> None:
    requests = mixed_requests(32)
    for index, request in enumerate(requests):
        request.tenant, request.priority = "abc"[index % 3], index % 5
    engine = make_engine(max_num_seqs=3, num_blocks=20)
    assert signatures(run(engine, requests)) == alone


def test_every_way_to_end(make_engine: EngineFactory) -> None:
    engine = make_engine()

    def ending(**params: object) -> tuple[int, FinishReason | None, int | str | None]:
        parts = run(engine, [Request("r", [5, 6, 7], SamplingParams(temperature=0, **params))])["r"]  # type: ignore[arg-type]
        return len(tokens_of(parts)), parts[-1].finish_reason, parts[-1].stop_reason

    free = tokens_of(run(engine, [Request("r", [5, 6, 7], SamplingParams(temperature=0, max_tokens=9))])["r"])
    third = free.index(free[2])
    assert ending(max_tokens=4) == (4, FinishReason.LENGTH, None)
    assert ending(stop_token_ids=(free[2],)) == (third + 1, FinishReason.STOP, free[2])
    assert ending(logit_bias={EOS: 100.0}) == (1, FinishReason.STOP, None)
    assert ending(logit_bias={EOS: 100.0}, ignore_eos=True, max_tokens=5) == (5, FinishReason.LENGTH, None)
    assert ending(logit_bias={EOS: 100.0}, min_tokens=6) == (7, FinishReason.STOP, None)
    assert ending(max_tokens=None, ignore_eos=True) == (509, FinishReason.LENGTH, None)


def test_the_context_ends_with_the_smaller_of_model_and_pool(make_engine: EngineFactory) -> None:
    engine = make_engine(num_blocks=4)
    assert engine.max_model_len == 64
    parts = run(engine, [Request("r", [5] * 60, SamplingParams(max_tokens=None, ignore_eos=True))])["r"]
    assert len(tokens_of(parts)) == 4


@pytest.mark.parametrize(
    ("prompt", "params", "error", "param"),
    [
        ([], {}, RequestError, "prompt"),
        ([5, VOCAB], {}, RequestError, "prompt"),
        ([5, -1], {}, RequestError, "prompt"),
        ([5], {"stop_token_ids": (VOCAB,)}, RequestError, "stop_token_ids"),
        ([5], {"logit_bias": {VOCAB: 1.0}}, RequestError, "logit_bias"),
        ([5] * 10, {"max_tokens": 503}, ContextLengthError, "max_tokens"),
        ([5] * 512, {"max_tokens": None}, ContextLengthError, "prompt"),
    ],
)
def test_refusals_name_the_field_and_leave_nothing(
    make_engine: EngineFactory, prompt: Sequence[int], params: dict[str, object], error: type[RequestError], param: str
) -> None:
    engine = make_engine()
    with pytest.raises(error) as caught:
        engine.add_request(Request("r", prompt, SamplingParams(**params)))  # type: ignore[arg-type]
    assert caught.value.param == param
    assert caught.value.remedy
    assert not engine.has_unfinished


def test_a_full_queue_and_a_repeated_id_are_refused(make_engine: EngineFactory) -> None:
    engine = make_engine(max_num_waiting=1, max_num_seqs=1)
    engine.add_request(Request("runs", [5], SamplingParams()))
    with pytest.raises(RequestError, match="already open"):
        engine.add_request(Request("runs", [5], SamplingParams()))
    engine.add_request(Request("waits", [5], SamplingParams()))
    with pytest.raises(OverloadedError):
        engine.add_request(Request("late", [5], SamplingParams()))


def test_a_full_queue_says_when_to_come_back_and_takes_what_was_accepted_before(make_engine: EngineFactory) -> None:
    engine = make_engine(max_num_waiting_tokens=20)
    engine.add_request(Request("a", [5] * 15, SamplingParams()))
    late = Request("b", [5] * 6, SamplingParams())
    with pytest.raises(OverloadedError) as caught:
        engine.check_room(late)
    assert caught.value.retry_after == 1.0
    engine.add_request(late, accepted_before=True)
    assert len(engine.scheduler.waiting) == 2


def test_deadlines_end_what_waits_and_what_runs(make_engine: EngineFactory) -> None:
    """One that waits never starts; one that runs ends with what it has; others go on. Blocks are free at once."""
    now = 100.0
    engine = make_engine(max_num_seqs=2, clock=lambda: now)
    endless = SamplingParams(temperature=0, ignore_eos=True)
    for name, deadline in (("runs", 110.0), ("stays", None), ("waits", 105.0)):
        engine.add_request(Request(name, [9] * 20, endless, deadline=deadline))

    def step() -> dict[str, tuple[FinishReason | None, int | str | None]]:
        return {output.request_id: (output.finish_reason, output.stop_reason) for output in engine.step()}

    assert step() == {"runs": (None, None), "stays": (None, None)}
    now = 105.0
    assert step() == {"waits": (FinishReason.ABORT, "timeout"), "runs": (None, None), "stays": (None, None)}
    now = 110.0
    assert step() == {"runs": (FinishReason.ABORT, "timeout"), "stays": (None, None)}
    assert engine.kv_cache.pool.num_free == 256 - 2
    assert [request.request_id for request in engine.scheduler.running] == ["stays"]


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_an_abort_frees_the_blocks_at_once(make_engine: EngineFactory, steps: int) -> None:
    engine = make_engine()
    engine.add_request(Request("a", [5] * 40, SamplingParams(ignore_eos=True)))
    for _ in range(steps):
        engine.step()
    engine.abort("a")
    engine.abort("a")
    assert engine.kv_cache.pool.num_free == 256
    assert engine.step() == []


@pytest.mark.parametrize("backend", ["paddle-fp32"], indirect=True)
def test_nan_ends_its_own_request_and_nothing_else(
    make_engine: EngineFactory, backend: PaddleBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = SamplingParams(temperature=0, max_tokens=5, ignore_eos=True)
    healthy = signatures(run(make_engine(), [Request("good", [9] * 40, params)]))
    engine = make_engine()
    real_rows, num_steps = backend.logit_rows, 0

    def poisoned(hidden: Any, rows: Any) -> Iterator[Any]:
        nonlocal num_steps
        num_steps += 1
        for index, row in enumerate(real_rows(hidden, rows)):
            yield np.where(np.arange(len(row)) == 7, np.nan, row) if (index, num_steps) == (0, 3) else row

    monkeypatch.setattr(backend, "logit_rows", poisoned)
    outputs = run(engine, [Request("bad", [8] * 40, params), Request("good", [9] * 40, params)])
    assert outputs["bad"][-1].finish_reason is FinishReason.ERROR
    assert outputs["bad"][-1].stop_reason == "nan"
    assert len(outputs["bad"]) == 3
    assert signatures({"good": outputs["good"]}) == healthy
    again = Request("again", [8] * 40, params)
    engine.add_request(again)
    engine.step()
    assert again.num_cached_tokens == 0


@pytest.mark.parametrize("backend", ["paddle-fp32"], indirect=True)
def test_what_a_dead_request_left_in_its_blocks_harms_nobody(
    make_engine: EngineFactory, backend: PaddleBackend
) -> None:
    engine = make_engine()
    params = SamplingParams(temperature=0, max_tokens=5)
    clean = signatures(run(engine, [Request("a", [9] * 40, params)]))
    engine = make_engine()
    for cache in (*backend._keys, *backend._values):
        cache[:-1] = float("nan")  # the last slot is the one that stays empty
    assert signatures(run(engine, [Request("a", [9] * 40, params)])) == clean


def test_padding_of_the_vocabulary_is_never_drawn(make_engine: EngineFactory, backend: Backend) -> None:
    engine = make_engine()
    backend.set_vocab_limit(40)
    try:
        parts = run(engine, [Request("a", [9] * 4, SamplingParams(temperature=2.0, max_tokens=200, seed=1))])["a"]
    finally:
        backend.set_vocab_limit(VOCAB)
    assert max(tokens_of(parts)) < 40


def test_the_backend_output_has_one_entry_per_sample_row(backend: Backend, make_engine: EngineFactory) -> None:
    engine = make_engine(max_num_batched_tokens=20, speculation="off")
    seen: list[StepOutput] = []
    real_execute = backend.execute

    class Recorder:
        def execute(self, batch: object) -> StepOutput:
            seen.append(real_execute(batch))  # type: ignore[arg-type]
            return seen[-1]

    engine._backend = Recorder()  # type: ignore[assignment]
    run(
        engine,
        [
            Request("a", [9] * 30, SamplingParams(max_tokens=2, ignore_eos=True)),
            Request("b", [9] * 5, SamplingParams(max_tokens=1)),
        ],
    )
    assert [len(output.token_ids) for output in seen] == [0, 2, 1]
