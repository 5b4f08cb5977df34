"""Speculation changes no token, no log-probability and no finish reason: whatever is drafted, right or wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from drafters import Foreseeing, right, wandering, wrong
from random_model import EOS, VOCAB, Signature, run, signatures, tokens_of
from sampan.backends.paddle import PaddleBackend
from sampan.engine.engine import Engine
from sampan.engine.outputs import FinishReason
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams

EngineFactory = Callable[..., Engine]
DRAFTS = {"right": right, "wrong": wrong, "wandering": wandering(7)}
CIRCUMSTANCES = {
    "together": {},
    "chunks": {"max_num_batched_tokens": 9},
    "one row": {"max_num_batched_tokens": 1},
    "few blocks": {"num_blocks": 10},
    "no cache": {"enable_prefix_caching": False},
}


def requests_with_everything() -> list[Request]:
    """Every parameter that changes how a token is drawn or when an answer ends, mixed."""
    rng = np.random.default_rng(2)
    requests = []
    for index in range(24):
        prompt = rng.integers(4, VOCAB, size=int(rng.integers(1, 60))).tolist()
        params = SamplingParams(
            max_tokens=int(rng.integers(6, 30)),
            temperature=0.0 if index % 2 else 0.8,
            top_p=0.9 if index % 3 else 1.0,
            top_k=40 if index % 5 == 0 else 0,
            min_p=0.02 if index % 7 == 0 else 0.0,
            repetition_penalty=1.3 if index % 4 == 0 else 1.0,
            presence_penalty=0.5 if index % 4 == 1 else 0.0,
            frequency_penalty=0.7 if index % 4 == 2 else 0.0,
            logit_bias={EOS: 3.0, int(rng.integers(VOCAB)): 2.0} if index % 3 == 0 else {},
            stop_token_ids=tuple(rng.integers(0, VOCAB, size=40).tolist()) if index % 4 == 3 else (),
            min_tokens=5 if index % 3 == 0 else 0,
            ignore_eos=index % 6 == 5,
            seed=index,
            logprobs=index % 4 if index % 5 else None,
        )
        requests.append(Request(f"r{index}", prompt, params))
    return requests


@pytest.fixture(scope="module")
def plain(make_engine: EngineFactory) -> dict[str, Signature]:
    """Each request by itself, without drafts."""
    result: dict[str, Signature] = {}
    for request in requests_with_everything():
        result |= signatures(run(make_engine(speculation="off", enable_prefix_caching=False), [request]))
    return result


def foreseeing(plain: dict[str, Signature], kind: str) -> Foreseeing:
    return Foreseeing({name: tokens for name, (tokens, _, _) in plain.items()}, DRAFTS[kind])


def test_the_outputs_are_worth_comparing(plain: dict[str, Signature]) -> None:
    assert len({tuple(tokens) for tokens, _, _ in plain.values()}) == 24
    assert {reason for _, _, reason in plain.values()} == {FinishReason.STOP, FinishReason.LENGTH}


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
@pytest.mark.parametrize("kind", DRAFTS)
def test_whatever_is_drafted(
    make_engine: EngineFactory, plain: dict[str, Signature], kind: str, circumstance: str
) -> None:
    engine = make_engine(drafter=foreseeing(plain, kind), **CIRCUMSTANCES[circumstance])
    count = 24 if circumstance != "one row" else 4
    outputs = signatures(run(engine, requests_with_everything()[:count]))
    assert outputs == {name: plain[name] for name in outputs}
    if circumstance == "few blocks":
        assert engine.scheduler.num_preemptions > 0
    if circumstance == "one row":
        assert engine.num_drafted_tokens == 0


def test_prompt_lookup_on_texts_that_repeat_themselves(make_engine: EngineFactory) -> None:
    def requests() -> list[Request]:
        requests = []
        for few in ((5,), (5, 6, 7)):  # the tokens of which the answers consist
            bias = dict.fromkeys(few, 100.0)
            params = SamplingParams(max_tokens=100, seed=1, ignore_eos=True, logprobs=1, logit_bias=bias)
            requests.append(Request(f"r{len(few)}", range(40, 60), params))
        return requests

    plain = signatures(run(make_engine(speculation="off"), requests()))
    engine = make_engine()
    outputs = run(engine, requests())
    assert signatures(outputs) == plain
    assert 0 < engine.num_accepted_tokens <= engine.num_drafted_tokens


def test_right_drafts_save_steps_and_wrong_ones_are_all_counted(
    make_engine: EngineFactory, plain: dict[str, Signature]
) -> None:
    request = requests_with_everything()[5]
    length = len(plain["r5"][0])
    assert length >= 6

    drafter = foreseeing(plain, "right")
    engine = make_engine(drafter=drafter)
    parts = run(engine, [request])["r5"]
    assert len(parts) == -(-length // 9)
    assert engine.num_accepted_tokens == engine.num_drafted_tokens == length - len(parts)

    drafter = foreseeing(plain, "wrong")
    engine = make_engine(drafter=drafter)
    assert len(run(engine, requests_with_everything()[5:6])["r5"]) == length
    assert engine.num_accepted_tokens == 0 < engine.num_drafted_tokens
    assert all(accepted == 0 for _, _, accepted in drafter.learned)


@pytest.mark.parametrize("kind", DRAFTS)
def test_resumed_anywhere(make_engine: EngineFactory, plain: dict[str, Signature], kind: str) -> None:
    engine = make_engine(drafter=foreseeing(plain, kind))
    for index in range(0, 24, 5):
        tokens, logprobs, reason = plain[f"r{index}"]
        for done in range(len(tokens)):
            first = requests_with_everything()[index]
            again = Request(f"r{index}", first.token_ids, first.params, output_token_ids=tokens[:done])
            skipped = done if logprobs else 0
            assert signatures(run(engine, [again]))[f"r{index}"] == (tokens[done:], logprobs[skipped:], reason)


@pytest.mark.parametrize("kind", DRAFTS)
def test_rejected_tokens_never_enter_the_prefix_cache(
    make_engine: EngineFactory, plain: dict[str, Signature], kind: str
) -> None:
    """Continuations find the blocks that prompts and answers left, and must not find anything of the drafts."""

    def continuations() -> list[Request]:
        return [
            Request(
                request.request_id,
                request.token_ids + plain[request.request_id][0] + [9, 8, 7],
                SamplingParams(temperature=0, max_tokens=8, logprobs=1, ignore_eos=True),
            )
            for request in requests_with_everything()
        ]

    cold = signatures(run(make_engine(speculation="off", enable_prefix_caching=False), continuations()))
    engine = make_engine(num_blocks=512, drafter=foreseeing(plain, kind))
    run(engine, requests_with_everything())
    outputs = run(engine, continuations())
    assert signatures(outputs) == cold
    assert sum(parts[-1].num_cached_tokens for parts in outputs.values()) > 600


@pytest.mark.parametrize("backend", ["paddle-fp32"], indirect=True)
@pytest.mark.parametrize("kind", DRAFTS)
def test_nan_ends_a_request_at_the_same_token(
    make_engine: EngineFactory, backend: PaddleBackend, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    params = SamplingParams(temperature=0, max_tokens=12, ignore_eos=True, logprobs=0)
    prompts = {"bad": [8] * 40, "good": [9] * 30}
    healthy = signatures(
        run(make_engine(speculation="off"), [Request(name, ids, params) for name, ids in prompts.items()])
    )
    real_execute, real_rows = backend.execute, backend.logit_rows
    positions: list[int] = []

    def execute(batch: Any) -> Any:
        positions[:] = batch.positions.tolist()
        return real_execute(batch)

    def poisoned(hidden: Any, rows: Any) -> Any:
        for row, logits in zip(rows, real_rows(hidden, rows), strict=True):
            yield np.full_like(logits, np.nan) if positions[row] == 46 else logits

    monkeypatch.setattr(backend, "execute", execute)
    monkeypatch.setattr(backend, "logit_rows", poisoned)
    engine = make_engine(drafter=foreseeing(healthy, kind))
    outputs = run(engine, [Request(name, ids, params) for name, ids in prompts.items()])
    assert signatures({"good": outputs["good"]})["good"] == healthy["good"]
    assert tokens_of(outputs["bad"]) == healthy["bad"][0][:7]
    assert (outputs["bad"][-1].finish_reason, outputs["bad"][-1].stop_reason) == (FinishReason.ERROR, "nan")
    again = Request("bad", prompts["bad"], params)
    engine.add_request(again)
    engine.step()
    assert again.num_cached_tokens == 0
