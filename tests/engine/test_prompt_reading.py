"""What is read off a prompt is the same to the last bit, however the prompt is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from conftest import EngineFactory
from paged_logits import Row, paged_logits
from random_model import VOCAB, run, signatures, tokens_of
from sampan.backends import Backend
from sampan.backends.base import ForwardBatch, StepOutput
from sampan.engine.outputs import EngineOutput, FinishReason
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.structured import StructuredOutputsParams
from sampan.errors import RequestError

RNG = np.random.default_rng(5)
PROMPTS = [RNG.integers(0, VOCAB, size).tolist() for size in (1, 2, 16, 17, 47, 150)]
READ = SamplingParams(max_tokens=0, prompt_logprobs=3)
READ_AND_GO_ON = SamplingParams(max_tokens=6, temperature=0.8, seed=7, prompt_logprobs=2, logprobs=1, ignore_eos=True)
POOLED = {name: SamplingParams(max_tokens=0, pooling=name) for name in ("mean", "last")}


def requests(params: SamplingParams, prompts: Sequence[Sequence[int]] = PROMPTS) -> list[Request]:
    return [Request(f"r{index}", prompt, params) for index, prompt in enumerate(prompts)]


def bits(parts: Sequence[EngineOutput]) -> bytes:
    """All that was read of one prompt."""
    entries = [entry for part in parts for entry in part.prompt_logprobs]
    logprobs = b"".join([e.token_ids.tobytes() + e.logprobs.tobytes() + bytes([e.rank % 251]) for e in entries])
    return logprobs + b"".join([part.pooled.tobytes() for part in parts if part.pooled is not None])


@pytest.mark.parametrize("prompt", PROMPTS, ids=len)
def test_logprobs_are_those_of_the_logits(make_engine: EngineFactory, backend: Backend, prompt: list[int]) -> None:
    (parts,) = run(make_engine(), requests(READ, [prompt])).values()

    entries = [entry for part in parts for entry in part.prompt_logprobs]
    assert len(entries) == len(prompt) - 1
    assert (parts[-1].finish_reason, tokens_of(parts)) == (FinishReason.LENGTH, [])
    blocks = range(-(-len(prompt) // 16))
    (logits,) = paged_logits(backend, [Row(prompt, [len(prompt)], blocks)])  # type: ignore[arg-type]
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    expected = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    for entry, row, token in zip(entries, expected, prompt[1:], strict=False):
        assert entry.token_ids[0] == token
        np.testing.assert_array_equal(entry.token_ids[1:], np.argsort(-row, kind="stable")[:3])
        np.testing.assert_allclose(entry.logprobs, row[entry.token_ids], atol=2e-5)
        assert entry.rank == 1 + (row > row[token]).sum()


@pytest.mark.parametrize("name", POOLED)
def test_pooled_states_have_length_one_and_the_engine_stops(make_engine: EngineFactory, name: str) -> None:
    for parts in run(make_engine(), requests(POOLED[name])).values():
        (part,) = parts
        assert part.pooled is not None
        assert part.pooled.dtype == np.float32
        assert part.pooled.shape == (64,)
        assert np.linalg.norm(part.pooled.astype(np.float64)) == pytest.approx(1.0, abs=1e-6)
        assert (part.finish_reason, part.new_token_ids) == (FinishReason.LENGTH, ())


@pytest.mark.parametrize("params", [READ, READ_AND_GO_ON, *POOLED.values()], ids=["read", "answer", "mean", "last"])
def test_alone_batched_chunked_and_cached_are_the_same(make_engine: EngineFactory, params: SamplingParams) -> None:
    alone = {}
    for request in requests(params):
        alone |= run(make_engine(enable_prefix_caching=False), [request])
    expected = {name: bits(parts) for name, parts in alone.items()}

    engine = make_engine(max_num_batched_tokens=23)
    first, again = run(engine, requests(params)), run(engine, requests(params))

    assert {name: bits(parts) for name, parts in first.items()} == expected
    assert {name: bits(parts) for name, parts in again.items()} == expected
    assert signatures(first) == signatures(again) == signatures(alone)


@pytest.mark.parametrize("params", [READ_AND_GO_ON, POOLED["mean"]], ids=["answer", "mean"])
def test_preempted_prompts_are_read_once(make_engine: EngineFactory, params: SamplingParams) -> None:
    prompts = [RNG.integers(0, VOCAB, 60).tolist() for _ in range(4)]
    calm = run(make_engine(), requests(params, prompts))
    # Growing neighbours take the blocks of those that came last, in the middle of their prompts.
    engine = make_engine(num_blocks=12, max_model_len=120, max_num_batched_tokens=20)
    growing = SamplingParams(max_tokens=20, temperature=0.0, ignore_eos=True)
    growers = [Request(f"g{index}", prompts[0][index : index + 13], growing) for index in range(6)]

    pressed = run(engine, [*growers, *requests(params, prompts)])

    assert engine.scheduler.num_preemptions > 0
    for name, parts in calm.items():
        assert bits(pressed[name]) == bits(parts)
        assert tokens_of(pressed[name]) == tokens_of(parts)


def test_another_engine_goes_on_where_the_first_one_was(make_engine: EngineFactory) -> None:
    (request,) = requests(READ_AND_GO_ON, PROMPTS[-1:])
    whole = run(make_engine(), [request])["r0"]
    engine = make_engine(max_num_batched_tokens=32)
    engine.add_request(*requests(READ_AND_GO_ON, PROMPTS[-1:]))
    parts = [*engine.step(), *engine.step()]
    engine.abort("r0")
    assert sum(len(part.prompt_logprobs) for part in parts) == 64

    resumed = Request("r0", PROMPTS[-1], READ_AND_GO_ON, num_prompt_logprobs=64)
    parts += run(make_engine(), [resumed])["r0"]

    assert bits(parts) == bits(whole)
    assert tokens_of(parts) == tokens_of(whole)


def test_only_what_is_read_is_computed_anew(make_engine: EngineFactory) -> None:
    engine = make_engine()
    prompt = PROMPTS[-1]
    for params, num_cached in (
        (POOLED["last"], 0),
        (POOLED["last"], 144),
        (POOLED["mean"], 0),
        (READ, 0),
        (SamplingParams(max_tokens=0, prompt_logprobs=0, prompt_read_start=100), 96),
    ):
        (part,) = run(engine, [Request("r", prompt, params)])["r"]
        assert part.num_cached_tokens == num_cached
    assert len(part.prompt_logprobs) == len(prompt) - 100
    assert [int(entry.token_ids[0]) for entry in part.prompt_logprobs] == prompt[100:]


def test_a_prompt_may_fill_the_context_where_nothing_is_drawn(make_engine: EngineFactory) -> None:
    engine = make_engine(max_model_len=150)
    (parts,) = run(engine, requests(READ, PROMPTS[-1:])).values()
    assert sum(len(part.prompt_logprobs) for part in parts) == 149


def test_neighbours_are_not_touched(make_engine: EngineFactory) -> None:
    def writer() -> Request:
        params = SamplingParams(max_tokens=30, temperature=0.9, seed=3, logprobs=2, repetition_penalty=1.3)
        return Request("w", PROMPTS[3], params)

    alone = run(make_engine(), [writer()])
    together = run(make_engine(), [writer(), *requests(READ), Request("p", PROMPTS[4], POOLED["mean"])])
    assert signatures(together)["w"] == signatures(alone)["w"]


def test_constrained_answers_are_not_touched(make_engine: EngineFactory) -> None:
    def requests_of_both() -> list[Request]:
        choice = StructuredOutputsParams(choice=("yes", "no", "perhaps"))
        params = SamplingParams(max_tokens=12, seed=1, structured_outputs=choice, logprobs=1, prompt_logprobs=1)
        return [Request("c", PROMPTS[4], params), *requests(READ), Request("d", PROMPTS[3], params)]

    alone = {}
    for request in requests_of_both():
        alone |= run(make_engine(), [request])
    together = run(make_engine(), requests_of_both())
    assert signatures(together) == signatures(alone)
    assert {name: bits(parts) for name, parts in together.items()} == {n: bits(parts) for n, parts in alone.items()}


@pytest.mark.parametrize("backend", ["paddle-fp32"], indirect=True)
@pytest.mark.parametrize("params", [READ, POOLED["mean"]], ids=["read", "mean"])
def test_nan_ends_the_reading_and_nothing_else(
    make_engine: EngineFactory, backend: Backend, params: SamplingParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = signatures(run(make_engine(), [Request("good", [9] * 40, READ_AND_GO_ON)]))
    engine, execute = make_engine(), backend.execute

    def poisoned(batch: ForwardBatch) -> StepOutput:
        output = execute(batch)
        if len(batch.query_starts) < 3:
            return output
        token_ids = np.where(batch.sampling.given == 8, -1, output.token_ids).astype(np.int32)
        hidden = None if output.hidden_states is None else np.full_like(output.hidden_states, np.nan)
        return replace(output, token_ids=token_ids, hidden_states=hidden)

    monkeypatch.setattr(backend, "execute", poisoned)
    outputs = run(engine, [Request("bad", [8] * 40, params), Request("good", [9] * 40, READ_AND_GO_ON)])

    (part,) = outputs["bad"]
    assert (part.finish_reason, part.stop_reason, bits([part])) == (FinishReason.ERROR, "nan", b"")
    assert {"good": signatures(outputs)["good"]} == expected
    (again,) = run(engine, [Request("again", [8] * 40, SamplingParams(max_tokens=1))])["again"]
    assert again.num_cached_tokens == 0


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1, "prompt_logprobs": 1}, "max_tokens"),
        ({"prompt_logprobs": 21}, "prompt_logprobs"),
        ({"prompt_logprobs": -1}, "prompt_logprobs"),
        ({"prompt_logprobs": 1, "prompt_read_start": -1}, "prompt_read_start"),
        ({"pooling": "max", "max_tokens": 0}, "pooling"),
        ({"pooling": "mean"}, "pooling"),
        ({"pooling": "mean", "max_tokens": 0, "prompt_logprobs": 0}, "pooling"),
    ],
)
def test_what_cannot_be_read_is_refused(fields: dict[str, object], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        SamplingParams(**fields)  # type: ignore[arg-type]
    assert caught.value.param == param
