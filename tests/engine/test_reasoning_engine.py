"""Closed thoughts over real backends: forced tokens are ordinary output, however they come about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from drafters import Foreseeing, right, wandering
from random_model import EOS, Signature, run, signatures, tokens_of
from sampan.backends.base import TokenLogprobs
from sampan.engine.engine import Engine
from sampan.engine.outputs import REPETITION, FinishReason
from sampan.engine.reasoning_control import ThoughtTokens
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import RequestError

EngineFactory = Callable[..., Engine]
THINK, END = 500, 501
TAGS = ThoughtTokens(THINK, END, (400, 401, 402, END))
CLOSING = list(TAGS.closing)
NEVER = dict.fromkeys((THINK, END, EOS), -100.0)  # the model writes no tag of its own, nor does it end


def thinking(
    name: str = "r", *, seed: int = 1, done: tuple[int, ...] = (), answer_now: bool = False, **params: object
) -> Request:
    """A request whose prompt ends inside a thought."""
    prompt = [*np.random.default_rng(1).integers(4, 400, size=20).tolist(), THINK]
    values: dict[str, Any] = {"max_tokens": 40, "temperature": 0.8, "logit_bias": NEVER, "logprobs": 2, "seed": 1}
    values |= params
    return Request(name, prompt, SamplingParams(**values), output_token_ids=done, answer_now=answer_now)


def outcome(engine: Engine, request: Request) -> Signature:
    return signatures(run(engine, [request]))[request.request_id]


@pytest.mark.parametrize("speculation", ["ngram", "off"])
def test_the_budget_is_exact_and_the_answer_follows(make_engine: EngineFactory, speculation: str) -> None:
    engine = make_engine(thought_tokens=TAGS, speculation=speculation)
    free = outcome(engine, thinking(answer_reserve=0))[0]
    for budget in (0, 1, 7):
        tokens, logprobs, reason = outcome(engine, thinking(thinking_token_budget=budget, answer_reserve=0))
        assert tokens[: budget + 4] == free[:budget] + CLOSING
        assert (len(tokens), len(logprobs), reason) == (40, 40, FinishReason.LENGTH)
        assert len(set(tokens[budget + 4 :])) > 5


def test_the_reserve_is_exact(make_engine: EngineFactory) -> None:
    engine = make_engine(thought_tokens=TAGS)
    free = outcome(engine, thinking(answer_reserve=0))[0]
    assert outcome(engine, thinking(answer_reserve=10))[0][:30] == free[:26] + CLOSING
    assert outcome(engine, thinking())[0][:31] == free[:27] + CLOSING  # a quarter of 40 - 4
    to_the_end = outcome(
        make_engine(thought_tokens=TAGS, max_model_len=61), thinking(max_tokens=None, answer_reserve=10)
    )
    assert to_the_end[0][:30] == free[:26] + CLOSING
    assert to_the_end[2] is FinishReason.LENGTH


def test_forced_tokens_come_in_one_step_and_show_what_the_model_thinks_of_them(make_engine: EngineFactory) -> None:
    """Whatever is said against them: bias, penalties and `min_tokens` concern what the model would write. What a client
    sees is what it would see if it sent the same text as a prompt."""
    against = {
        "logit_bias": {**NEVER, **dict.fromkeys(CLOSING, -100.0)},
        "repetition_penalty": 1.5,
        "stop_token_ids": (END,),
        "min_tokens": 30,
    }
    engine = make_engine(thought_tokens=TAGS)
    request = thinking(thinking_token_budget=3, **against)
    parts = run(engine, [request])["r"]
    forced = next(part for part in parts if CLOSING[0] in part.new_token_ids)
    assert list(forced.new_token_ids) == CLOSING
    assert (forced.finish_reason, forced.stop_reason) == (FinishReason.STOP, END)
    read = Request("read", request.token_ids, SamplingParams(max_tokens=0, prompt_logprobs=2))
    entries = [entry for part in run(engine, [read])["read"] for entry in part.prompt_logprobs]
    assert values(forced.logprobs) == values(entries[-len(CLOSING) :])
    assert all(entry.logprobs[0] < 0 for entry in forced.logprobs)


def values(entries: Sequence[TokenLogprobs]) -> list[tuple[bytes, bytes, int]]:
    return [(entry.token_ids.tobytes(), entry.logprobs.tobytes(), entry.rank) for entry in entries]


Cases = Mapping[str, tuple[dict[str, Any], Signature]]


@pytest.fixture(scope="module")
def cases(make_engine: EngineFactory) -> Cases:
    """Thoughts that are closed for each reason, without speculation."""
    settings: dict[str, dict[str, Any]] = {
        "budget": {"thinking_token_budget": 9, "answer_reserve": 0},
        "greedy": {"thinking_token_budget": 9, "answer_reserve": 0, "temperature": 0.0},
        "reserve": {"answer_reserve": 15, "frequency_penalty": 0.5},
        "penalty": {"thinking_token_budget": 5, "repetition_penalty": 1.2, "presence_penalty": 0.3},
        "answer now": {"answer_now": True},
        "loop": {"logit_bias": {**NEVER, 6: 100.0}, "max_tokens": 280, "answer_reserve": 0},
    }
    return {
        name: (values, outcome(make_engine(thought_tokens=TAGS, speculation="off"), thinking(name, **values)))
        for name, values in settings.items()
    }


def test_each_case_closes_once(cases: Cases) -> None:
    starts = {name: tokens.index(END) - 3 for name, (_, (tokens, _, _)) in cases.items()}
    assert starts == {"budget": 9, "greedy": 9, "reserve": 21, "penalty": 5, "answer now": 0, "loop": 256}
    assert all(tokens[starts[name] :][:4] == CLOSING for name, (_, (tokens, _, _)) in cases.items())


@pytest.mark.parametrize("drafts", ["off", "ngram", "right", "wandering"])
def test_resumed_at_every_token(make_engine: EngineFactory, cases: Cases, drafts: str) -> None:
    futures = {name: signature[0] for name, (_, signature) in cases.items()}
    kinds = {"right": right, "wandering": wandering(3)}
    drafter = Foreseeing(futures, kinds[drafts]) if drafts in kinds else None
    engine = make_engine(thought_tokens=TAGS, drafter=drafter, speculation="off" if drafts == "off" else "ngram")
    for name, (values, (tokens, logprobs, reason)) in cases.items():
        around = range(250, 265) if name == "loop" else range(0, len(tokens), 1 if drafts == "right" else 9)
        for count in around:
            resumed = thinking(name, done=tuple(tokens[:count]), **values)
            assert outcome(engine, resumed) == (tokens[count:], logprobs[count:], reason)


@pytest.mark.parametrize(
    "circumstance", [{"max_num_batched_tokens": 1}, {"max_num_batched_tokens": 7}, {"num_blocks": 20}]
)
def test_together_in_chunks_and_preempted(
    make_engine: EngineFactory, cases: Cases, circumstance: dict[str, int]
) -> None:
    engine = make_engine(thought_tokens=TAGS, **circumstance)
    requests = [thinking(name, **values) for name, (values, _) in cases.items()]
    assert signatures(run(engine, requests)) == {name: signature for name, (_, signature) in cases.items()}


def test_answer_now_for_a_running_request(make_engine: EngineFactory) -> None:
    engine = make_engine(thought_tokens=TAGS)
    free = outcome(engine, thinking(answer_reserve=0))[0]
    engine.add_request(thinking(answer_reserve=0))
    assert engine.answer_now("somebody else") is False
    outputs = [output for _ in range(6) for output in engine.step()]
    count = len(tokens_of(outputs))
    assert engine.answer_now("r") is True
    while engine.has_unfinished:
        outputs += engine.step()
    tokens = tokens_of(outputs)
    assert tokens[: count + 4] == free[:count] + CLOSING
    assert engine.answer_now("r") is False
    for length in range(count + 1, len(tokens)):
        resumed = thinking(done=tuple(tokens[:length]), answer_now=True, answer_reserve=0)
        assert outcome(engine, resumed)[0] == tokens[length:]


@pytest.mark.parametrize("speculation", ["ngram", "off"])
def test_an_answer_that_repeats_itself_is_ended(make_engine: EngineFactory, speculation: str) -> None:
    engine = make_engine(thought_tokens=TAGS, speculation=speculation)
    looping = SamplingParams(temperature=0, logit_bias={6: 100.0})
    parts = run(engine, [Request("r", [5, 7], looping)])["r"]
    assert tokens_of(parts) == [6] * 256
    assert (parts[-1].finish_reason, parts[-1].stop_reason) == (FinishReason.STOP, REPETITION)
    for off in ({"loop_guard": False}, {"ignore_eos": True}):
        free = SamplingParams(temperature=0, logit_bias={6: 100.0}, max_tokens=300, **off)  # type: ignore[arg-type]
        assert len(tokens_of(run(engine, [Request("r", [5, 7], free)])["r"])) == 300


def test_a_budget_for_a_model_that_does_not_think_is_refused(make_engine: EngineFactory) -> None:
    with pytest.raises(RequestError) as caught:
        make_engine().add_request(thinking(thinking_token_budget=3))
    assert caught.value.param == "thinking_token_budget"
