"""Structured answers of a random model: always valid, and the same tokens under every circumstance."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import jsonschema
import numpy as np
import pytest

from byte_vocabulary import THINK_END, THINK_START, decode, encode
from drafters import Foreseeing, right, wandering, wrong
from random_model import EOS, VOCAB, run
from sampan.backends.base import Backend, StepOutput
from sampan.engine.engine import Engine
from sampan.engine.outputs import EngineOutput, FinishReason
from sampan.engine.reasoning_control import ThoughtTokens
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.structured import StructuredOutputsParams
from sampan.errors import RequestError

EngineFactory = Callable[..., Engine]
SHORT = {"type": "string", "maxLength": 5}
SCHEMAS: list[dict[str, Any]] = [
    {"type": "integer", "minimum": -50, "maximum": 1200},
    {"enum": ["red", "green", {"rgb": [1, 2, 3]}, None, 7.5]},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 4},
    {"type": "string", "pattern": "^[A-F0-9]{4}-[a-z]{2}$"},
    {"type": "string", "format": "date"},
    {"anyOf": [{"type": "null"}, {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.25}]},
    {
        "type": "object",
        "properties": {"name": SHORT, "tags": {"type": "array", "items": SHORT, "maxItems": 2}, "ok": {"const": True}},
        "required": ["name", "tags", "ok"],
        "additionalProperties": False,
    },
    {
        "$defs": {
            "leaf": {
                "type": "object",
                "properties": {"v": {"enum": [1, 2]}},
                "required": ["v"],
                "additionalProperties": False,
            }
        },
        "type": "object",
        "properties": {"left": {"$ref": "#/$defs/leaf"}, "right": {"$ref": "#/$defs/leaf"}},
        "required": ["left"],
        "additionalProperties": False,
    },
]
REGEX = r"(GET|POST) /[a-z]{1,6}(\?id=[0-9]{1,3})?"


def constraint(index: int) -> StructuredOutputsParams:
    kinds = [StructuredOutputsParams(json=schema) for schema in SCHEMAS]
    kinds += [StructuredOutputsParams(regex=REGEX), StructuredOutputsParams(choice=("hello world", "hello", "no"))]
    return kinds[index % len(kinds)]


def check(params: StructuredOutputsParams, answer: str) -> None:
    if params.json is not None:
        jsonschema.validate(json.loads(answer), json.loads(str(params.json)))
    elif params.regex is not None:
        assert re.fullmatch(params.regex, answer)
    else:
        assert params.choice is not None
        assert answer in params.choice


def requests(count: int) -> list[Request]:
    """All constraints, greedy and seeded; every third is free, every third ends a thought first."""
    rng = np.random.default_rng(7)
    made = []
    for index in range(count):
        prompt = rng.integers(16, VOCAB, size=int(rng.integers(1, 60))).tolist()
        thinks = index % 3 == 1
        is_free = index % 3 == 2
        params = SamplingParams(
            max_tokens=20 if is_free else 400,
            temperature=0.0 if index % 2 else 1.0,
            seed=index,
            logprobs=1,
            logit_bias={THINK_END: 12.0} if thinks else {},  # or the thought of a random model hardly ever ends
            structured_outputs=None if is_free else constraint(index),
        )
        made.append(Request(f"r{index}", [*prompt, THINK_START] if thinks else prompt, params))
    return made


def tokens_of(outputs: dict[str, list[EngineOutput]]) -> dict[str, tuple[list[int], list[bytes], FinishReason | None]]:
    return {
        name: (
            [token for part in parts for token in part.new_token_ids],
            [entry.logprobs.tobytes() + entry.token_ids.tobytes() for part in parts for entry in part.logprobs],
            parts[-1].finish_reason,
        )
        for name, parts in outputs.items()
    }


@pytest.fixture(scope="module")
def alone(make_engine: EngineFactory) -> dict[str, tuple[list[int], list[bytes], FinishReason | None]]:
    result = {}
    for request in requests(30):
        result |= tokens_of(run(make_engine(speculation="off", enable_prefix_caching=False), [request]))
    return result


def test_every_answer_is_valid(alone: dict[str, Any]) -> None:
    num_thoughts = 0
    for request in requests(30):
        tokens, _, reason = alone[request.request_id]
        params = request.params.structured_outputs
        if params is None:
            continue
        if THINK_START in request.token_ids:
            num_thoughts += 1
            tokens = tokens[tokens.index(THINK_END) + 1 :]
        assert (reason, tokens[-1]) == (FinishReason.STOP, EOS)
        check(params, decode(tokens[:-1]).decode().lstrip("\n"))
    assert num_thoughts == 10


def test_alone_equals_in_a_batch(make_engine: EngineFactory, alone: dict[str, Any]) -> None:
    assert tokens_of(run(make_engine(), requests(30))) == alone


@pytest.mark.parametrize("chunk", [7, 33])
def test_any_chunk_size(make_engine: EngineFactory, alone: dict[str, Any], chunk: int) -> None:
    outputs = tokens_of(run(make_engine(max_num_batched_tokens=chunk), requests(10)))
    assert outputs == {name: alone[name] for name in outputs}


def test_preempted(make_engine: EngineFactory, alone: dict[str, Any]) -> None:
    engine = make_engine(num_blocks=34, max_model_len=512, max_num_seqs=16)
    assert tokens_of(run(engine, requests(30))) == alone
    assert engine.scheduler.num_preemptions > 0


def test_resumed_at_every_position(make_engine: EngineFactory, alone: dict[str, Any]) -> None:
    for index in (1, 6):  # an enumeration behind a thought, an object
        tokens = alone[f"r{index}"][0]
        for done in range(len(tokens)):
            request = requests(30)[index]
            request.token_ids += tokens[:done]
            (parts,) = run(make_engine(), [request]).values()
            assert [token for part in parts for token in part.new_token_ids] == tokens[done:]


@pytest.mark.parametrize("drafts", [right, wrong, wandering(7)], ids=["right", "wrong", "wandering"])
def test_whatever_is_drafted(
    make_engine: EngineFactory, alone: dict[str, Any], drafts: Callable[[list[int], int], list[int]]
) -> None:
    drafter = Foreseeing({name: tokens for name, (tokens, _, _) in alone.items()}, drafts)
    engine = make_engine(drafter=drafter)
    assert tokens_of(run(engine, requests(30))) == alone
    assert engine.num_drafted_tokens > 50


def test_a_thought_that_is_closed_is_followed_by_the_answer(make_engine: EngineFactory) -> None:
    tags = ThoughtTokens(THINK_START, THINK_END, (*encode("\n"), THINK_END))
    params = SamplingParams(
        max_tokens=60,
        temperature=1.0,
        seed=3,
        thinking_token_budget=5,
        structured_outputs=StructuredOutputsParams(regex="[ab]{4}"),
    )
    (parts,) = run(make_engine(thought_tokens=tags), [Request("r", [20, THINK_START], params)]).values()
    tokens = [token for part in parts for token in part.new_token_ids]
    assert tokens.index(THINK_END) == 6
    assert re.fullmatch("\n*[ab]{4}", decode(tokens[7:-1]).decode())
    assert (tokens[-1], parts[-1].finish_reason) == (EOS, FinishReason.STOP)


def test_an_answer_may_have_to_repeat_itself(make_engine: EngineFactory) -> None:
    params = SamplingParams(temperature=0, structured_outputs=StructuredOutputsParams(regex="(ab){150}"))
    (parts,) = run(make_engine(), [Request("r", [20, 21], params)]).values()
    assert (parts[-1].finish_reason, parts[-1].stop_reason) == (FinishReason.STOP, None)
    assert decode([token for part in parts for token in part.new_token_ids][:-1]) == b"ab" * 150


def test_a_cut_answer_says_so(make_engine: EngineFactory) -> None:
    params = SamplingParams(max_tokens=5, temperature=0, structured_outputs=StructuredOutputsParams(regex="[ab]{9}"))
    (parts,) = run(make_engine(), [Request("r", [20, 21], params)]).values()
    assert parts[-1].finish_reason is FinishReason.LENGTH
    assert re.fullmatch("[ab]{5}", decode([token for part in parts for token in part.new_token_ids]).decode())


def test_a_stop_id_cuts_an_answer_short(make_engine: EngineFactory) -> None:
    (stop,) = encode("b")
    params = StructuredOutputsParams(regex="a{3}b{4}")
    sampling = SamplingParams(max_tokens=30, temperature=0, stop_token_ids=(stop,), structured_outputs=params)
    (parts,) = run(make_engine(), [Request("r", [20, 21], sampling)]).values()
    assert decode([token for part in parts for token in part.new_token_ids]) == b"aaab"
    assert (parts[-1].finish_reason, parts[-1].stop_reason) == (FinishReason.STOP, stop)


def test_a_refused_constraint_leaves_nothing_behind(make_engine: EngineFactory) -> None:
    engine = make_engine()
    params = SamplingParams(structured_outputs=StructuredOutputsParams(regex="("))
    with pytest.raises(RequestError):
        engine.add_request(Request("r", [20], params))
    assert not engine.has_unfinished
    engine.add_request(Request("r", [20], SamplingParams(max_tokens=1)))


@pytest.mark.parametrize("contrary", [{"ignore_eos": True}, {"min_tokens": 3}])
def test_who_says_where_the_answer_ends(contrary: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="where the answer ends"):
        SamplingParams(structured_outputs=StructuredOutputsParams(regex="a"), **contrary)


def test_a_grammar_that_fails_on_the_way_ends_its_request_alone(
    make_engine: EngineFactory, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine()
    constrained = SamplingParams(
        max_tokens=50, temperature=0, structured_outputs=StructuredOutputsParams(regex="[ab]{20}")
    )
    bad, good = Request("bad", [20, 21], constrained), Request("good", [30, 31], constrained)
    engine.add_request(bad)
    engine.add_request(good)
    engine.step()
    execute = backend.execute

    def execute_with_a_foreign_token(batch: Any) -> StepOutput:
        output = execute(batch)
        output.token_ids[0] = encode("z")[0]
        return output

    monkeypatch.setattr(backend, "execute", execute_with_a_foreign_token)
    engine.step()
    monkeypatch.undo()
    outputs = [output for _ in range(60) for output in engine.step()]
    last = {output.request_id: output for output in outputs if output.finish_reason is not None}
    assert (last["bad"].finish_reason, last["bad"].stop_reason) == (FinishReason.ERROR, "grammar")
    assert last["good"].finish_reason is FinishReason.STOP
    assert re.fullmatch("[ab]{20}", decode(good.token_ids[2:-1]).decode())
