"""Masks are a function of the tokens: whatever was asked before, whatever was drafted, wherever a request resumes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_vocabulary import THINK_END, THINK_START, byte_vocabulary, decode, encode
from random_model import EOS, VOCAB
from sampan.engine.structured import AnswerMatcher, GrammarCompiler, StructuredOutputsParams

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 4}, "ok": {"type": "boolean"}, "n": {"type": "integer"}},
    "required": ["name", "ok"],
    "additionalProperties": False,
}
CONSTRAINTS = {
    "json": StructuredOutputsParams(json=SCHEMA),
    "json_object": StructuredOutputsParams(json_object=True),
    "regex": StructuredOutputsParams(regex=r"[a-c]{2,4}(-\d+)?"),
    "choice": StructuredOutputsParams(choice=("hello world", "hello", "yes (no)")),
    "lark": StructuredOutputsParams(grammar='start: "a" inner "b"\ninner: "(" inner ")" | /[0-9]/'),
    "gbnf": StructuredOutputsParams(grammar='root ::= "x" | "y" root'),
}
EVERY = pytest.mark.parametrize("params", CONSTRAINTS.values(), ids=CONSTRAINTS)
PROMPT = [5, 6, 7]
THINKING = [5, THINK_START]


@pytest.fixture(scope="module")
def compiler() -> GrammarCompiler:
    return GrammarCompiler(byte_vocabulary())


def allowed_at(matcher: AnswerMatcher, tokens: Sequence[int], drafts: Sequence[int] = ()) -> list[set[int] | None]:
    """The ids that may come at each position; None for any."""
    num_free = matcher.num_free(tokens, drafts)
    bits = np.zeros((len(drafts) + 1 - num_free, VOCAB // 32), np.uint32)
    if len(bits):
        matcher.write(bits, tokens, drafts)
    rows = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")
    return [None] * num_free + [set(np.flatnonzero(row).tolist()) for row in rows]


def walk(matcher: AnswerMatcher, prompt: list[int], rng: np.random.Generator, limit: int = 60) -> list[int]:
    """An answer, drawn at random from what is allowed; ends with EOS or at the limit."""
    tokens = list(prompt)
    while len(tokens) < len(prompt) + limit and tokens[-1] != EOS:
        (allowed,) = allowed_at(matcher, tokens)
        assert allowed
        tokens.append(int(rng.choice(sorted(allowed))))
    return tokens[len(prompt) :]


@EVERY
@pytest.mark.parametrize("seed", range(5))
def test_resumed_at_every_position(compiler: GrammarCompiler, params: StructuredOutputsParams, seed: int) -> None:
    answer = walk(compiler.matcher(params, PROMPT), PROMPT, np.random.default_rng(seed))
    followed = compiler.matcher(params, PROMPT)
    for end in range(len(answer)):
        tokens = PROMPT + answer[:end]
        fresh = allowed_at(compiler.matcher(params, PROMPT), tokens)
        assert fresh == allowed_at(followed, tokens)
        assert answer[end] in (fresh[0] or ())


@EVERY
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.data())
def test_drafts_are_masked_as_tokens_are_and_leave_no_trace(
    compiler: GrammarCompiler, params: StructuredOutputsParams, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    thought = [*encode("so "), THINK_END] if rng.random() < 0.5 else None
    prompt = PROMPT if thought is None else THINKING
    lead = [] if thought is None else [*thought, *(encode("\n\n") if rng.random() < 0.5 else [])]
    answer = walk(compiler.matcher(params, [*prompt, *lead]), [*prompt, *lead], rng, limit=30)
    output = [*lead, *answer]
    if output[-1] == EOS:
        output.pop()
    matcher = compiler.matcher(params, prompt)
    done = data.draw(st.integers(0, len(output)))
    for _ in range(3):
        drafts = output[done : done + data.draw(st.integers(0, 6))]
        wrong = data.draw(st.integers(0, len(drafts)))
        positions = allowed_at(matcher, prompt + output[:done], [*drafts[:wrong], *drafts[wrong + 1 :]])
        for count in range(wrong + 1):
            tokens = prompt + output[: done + count]
            assert positions[count] == allowed_at(compiler.matcher(params, prompt), tokens)[0]
        done = data.draw(st.integers(done, len(output)))


def test_nothing_comes_behind_a_draft_that_may_not_come_or_ends_the_answer(compiler: GrammarCompiler) -> None:
    matcher = compiler.matcher(CONSTRAINTS["gbnf"], PROMPT)
    x, y = encode("xy")
    assert allowed_at(matcher, PROMPT, [y, EOS, x]) == [{x, y}, {x, y}, set(), set()]
    assert allowed_at(matcher, PROMPT, [y, x, EOS, x]) == [{x, y}, {x, y}, {EOS}, set(), set()]
    assert allowed_at(matcher, PROMPT) == [{x, y}]
    assert not matcher.failed


def test_a_thought_is_free_and_the_answer_may_begin_with_a_line_break(compiler: GrammarCompiler) -> None:
    matcher = compiler.matcher(CONSTRAINTS["gbnf"], THINKING)
    x, y, newline, blank_line = encode("x") + encode("y") + encode("\n") + encode("\n\n")
    thought = [*THINKING, *encode("x\n"), THINK_END]
    assert allowed_at(matcher, THINKING) == [None]
    assert allowed_at(matcher, thought[:-1], [THINK_END, blank_line, x]) == [
        None,
        {x, y, newline, blank_line},
        {x, y},
        {EOS},
    ]
    assert allowed_at(matcher, thought) == [{x, y, newline, blank_line}]
    assert allowed_at(matcher, [*thought, newline]) == [{x, y}]
    assert allowed_at(matcher, [*thought, newline, y]) == [{x, y}]
    assert allowed_at(matcher, [*thought, newline, y, x]) == [{EOS}]


@pytest.mark.parametrize("prompt", [PROMPT, [*THINKING, 8, THINK_END, *encode("\n\n")]])
def test_without_an_open_thought_the_first_token_is_masked(compiler: GrammarCompiler, prompt: list[int]) -> None:
    x, y = encode("xy")
    assert allowed_at(compiler.matcher(CONSTRAINTS["gbnf"], prompt), prompt) == [{x, y}]


def test_a_line_break_that_the_grammar_knows_belongs_to_it(compiler: GrammarCompiler) -> None:
    prompt = [*THINKING, THINK_END]
    newline, a = encode("\n") + encode("a")
    matcher = compiler.matcher(StructuredOutputsParams(regex=r"\na"), THINKING)
    assert allowed_at(matcher, [*prompt, newline]) == [{a}]
    assert allowed_at(matcher, [*prompt, newline, a]) == [{EOS}]


def test_a_token_that_may_not_come_ends_the_matter(compiler: GrammarCompiler) -> None:
    matcher = compiler.matcher(CONSTRAINTS["choice"], PROMPT)
    assert allowed_at(matcher, PROMPT + encode("z")) == [set()]
    assert matcher.failed


def test_text_that_is_the_only_one_comes_in_the_tokens_that_the_model_knows(compiler: GrammarCompiler) -> None:
    matcher = compiler.matcher(StructuredOutputsParams(choice=("hello world",)), PROMPT)
    hello, world = encode("hello world")
    assert allowed_at(matcher, PROMPT) == [{hello}]
    assert allowed_at(matcher, [*PROMPT, hello]) == [{world}]


def test_no_special_token_stands_in_an_answer(compiler: GrammarCompiler) -> None:
    (allowed,) = allowed_at(compiler.matcher(StructuredOutputsParams(regex=r"(.|\n)*"), PROMPT), PROMPT)
    assert allowed is not None
    assert allowed & {THINK_START, THINK_END} == set()
    assert EOS in allowed
    assert b"" not in {decode([token]) for token in allowed}
