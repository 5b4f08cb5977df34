"""Which tokens may come, and when a described repetition ends an answer: `allowed_token_ids`, `bad_word_ids`,
`repetition_detection`. All follow from the tokens, so drafts and resumption change nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from drafters import Foreseeing, right, wandering
from random_model import EOS, run, signatures, tokens_of
from sampan.engine.engine import Engine
from sampan.engine.outputs import REPETITION_DETECTED, FinishReason
from sampan.engine.reasoning_control import ThoughtTokens
from sampan.engine.repetition import RepetitionDetection
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.structured import StructuredOutputsParams
from sampan.errors import RequestError

EngineFactory = Callable[..., Engine]
PROMPT = np.random.default_rng(1).integers(4, 400, size=20).tolist()
CLOSING = (400, 401, 501)
TAGS = ThoughtTokens(500, 501, CLOSING)


def asking(*, done: tuple[int, ...] = (), prompt: list[int] = PROMPT, **params: Any) -> Request:
    values: dict[str, Any] = {"max_tokens": 30, "temperature": 1.0, "seed": 1, "loop_guard": False, "logprobs": 1}
    return Request("r", prompt, SamplingParams(**values | params), output_token_ids=done)


def drawn(engine: Engine, request: Request) -> list[int]:
    return tokens_of(run(engine, [request])["r"])


def test_only_allowed_ids_come(make_engine: EngineFactory) -> None:
    allowed = (7, 31, 32, 300)
    tokens = drawn(make_engine(), asking(allowed_token_ids=allowed))
    assert set(tokens) == set(allowed)
    assert drawn(make_engine(), asking(allowed_token_ids=(EOS,))) == [EOS]


def test_a_thought_is_closed_whatever_is_allowed(make_engine: EngineFactory) -> None:
    request = asking(prompt=[*PROMPT, 500], allowed_token_ids=(7, 31), thinking_token_budget=3)
    tokens = drawn(make_engine(thought_tokens=TAGS), request)
    assert tuple(tokens[3:6]) == CLOSING
    assert {*tokens[:3], *tokens[6:]} == {7, 31}


def test_bad_words_never_come(make_engine: EngineFactory) -> None:
    free = drawn(make_engine(), asking(allowed_token_ids=(7, 31, 32)))
    pairs = {*pairwise(free)}
    assert (7, 31) in pairs
    tokens = drawn(make_engine(), asking(allowed_token_ids=(7, 31, 32), bad_word_ids=((7, 31), (32,))))
    assert set(tokens) <= {7, 31}
    assert (7, 31) not in {*pairwise(tokens)}
    assert drawn(make_engine(), asking(bad_word_ids=((9, 9, 9, 9),))) == drawn(make_engine(), asking())


FIELDS = [
    {"allowed_token_ids": (7, 31, 32)},
    {"allowed_token_ids": (7, 31, 32), "bad_word_ids": ((7, 31), (31, 7, 7))},
    {"allowed_token_ids": (7, 31), "repetition_detection": RepetitionDetection(max_pattern_size=3, min_count=3)},
]


@pytest.mark.parametrize("fields", FIELDS)
def test_drafts_and_resumption_change_nothing(make_engine: EngineFactory, fields: dict[str, Any]) -> None:
    expected = signatures(run(make_engine(), [asking(**fields)]))["r"]
    tokens = expected[0]
    for guess in (right, wandering(1)):
        engine = make_engine(drafter=Foreseeing({"r": tokens}, guess))
        assert signatures(run(engine, [asking(**fields)]))["r"] == expected
    for cut in (1, len(tokens) // 2):
        assert drawn(make_engine(), asking(done=tuple(tokens[:cut]), **fields)) == tokens[cut:]


def test_a_described_repetition_ends_the_answer(make_engine: EngineFactory) -> None:
    detection = RepetitionDetection(max_pattern_size=2, min_count=3)
    outputs = run(make_engine(), [asking(allowed_token_ids=(7, 31), repetition_detection=detection)])["r"]
    tokens = tokens_of(outputs)
    assert (outputs[-1].finish_reason, outputs[-1].stop_reason) == (FinishReason.STOP, REPETITION_DETECTED)
    assert detection.is_met([*PROMPT, *tokens], len(PROMPT))
    assert not detection.is_met([*PROMPT, *tokens[:-1]], len(PROMPT))


def test_what_a_repetition_is() -> None:
    detection = RepetitionDetection(min_pattern_size=2, max_pattern_size=3, min_count=2)
    for tokens, is_met in (
        ([1, 2, 1, 2], True),
        ([1, 2, 3, 1, 2, 3], True),
        ([1, 1, 1], False),  # a pattern of one
        ([1, 1, 1, 1], True),
        ([1, 2, 3, 4, 1, 2, 3, 4], False),
        ([1, 2, 1], False),
    ):
        assert detection.is_met(tokens, 0) is is_met
    assert not detection.is_met([1, 2, 1, 2], 1)  # the prompt does not count


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"allowed_token_ids": ()}, "allowed_token_ids"),
        ({"allowed_token_ids": (512,)}, "allowed_token_ids"),
        ({"allowed_token_ids": (7,), "bad_word_ids": ((9, 7),)}, "allowed_token_ids"),
        ({"allowed_token_ids": (EOS,), "min_tokens": 2}, "allowed_token_ids"),
        ({"bad_word_ids": ((),)}, "bad_words"),
        ({"bad_word_ids": ((512,),)}, "bad_words"),
        ({"bad_word_ids": ((1,),) * 65}, "bad_words"),
        ({"bad_word_ids": ((1,),), "structured_outputs": StructuredOutputsParams(regex="a")}, "structured_outputs"),
    ],
)
def test_what_cannot_be_is_refused(make_engine: EngineFactory, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        make_engine().add_request(asking(**fields))
    assert caught.value.param == param


@pytest.mark.parametrize("numbers", [(0, 0, 2), (3, 4, 2), (3, 1, 1), (257, 1, 2), (3, 1, 257)])
def test_repetitions_are_bounded(numbers: tuple[int, int, int]) -> None:
    longest, shortest, count = numbers
    with pytest.raises(RequestError):
        RepetitionDetection(max_pattern_size=longest, min_pattern_size=shortest, min_count=count)
