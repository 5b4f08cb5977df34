"""Thought and answer: the rules on whole texts, and that any chunking gives the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.text import ReasoningDelta, ReasoningSplitter

PIECES = ["<think>", "</think>", "<", "</", "think", ">", "\n", " ", "好", "a"]
pieces = st.lists(st.sampled_from(PIECES), max_size=12)


def run(chunks: list[str], starts_in_reasoning: bool) -> tuple[str | None, str | None]:
    splitter = ReasoningSplitter(starts_in_reasoning)
    deltas = [splitter.push(chunk) for chunk in chunks] + [splitter.finish()]
    reasoning = "".join(delta.reasoning for delta in deltas)
    content = "".join(delta.content for delta in deltas)
    assert splitter.has_reasoning or not reasoning
    assert splitter.has_content or not content
    return reasoning if splitter.has_reasoning else None, content if splitter.has_content else None


def by_the_rules(text: str, starts_in_reasoning: bool) -> tuple[str | None, str | None]:
    if not starts_in_reasoning:
        opened = re.match(r"\s*<think>", text)
        if opened is None:
            return None, text
        text = text[opened.end() :]
    thought, ended, answer = re.sub(r"\A[\r\n]*(<think>[\r\n]*)*", "", text).partition("</think>")
    return thought, answer.lstrip("\r\n") if ended else None


@pytest.mark.parametrize("starts", [True, False])
@given(pieces=pieces)
def test_any_chunking_equals_the_whole(starts: bool, pieces: list[str]) -> None:
    text = "".join(pieces)
    expected = by_the_rules(text, starts)
    assert run([text], starts) == expected
    assert run(pieces, starts) == expected
    assert run(list(text), starts) == expected


@pytest.mark.parametrize(
    ("text", "starts", "expected"),
    [
        ("I think.\n</think>\n\nYes", True, ("I think.\n", "Yes")),
        ("<think>\nI think.</think>Yes", True, ("I think.", "Yes")),
        ("<think><think>\nI</think>Yes", True, ("I", "Yes")),
        ("I think and th", True, ("I think and th", None)),
        ("I think</thi", True, ("I think</thi", None)),
        ("", True, ("", None)),
        ("</think>Yes", True, ("", "Yes")),
        ("</think>", True, ("", "")),
        ("a</think>b</think>c", True, ("a", "b</think>c")),
        ("a</think>\n\n    code", True, ("a", "    code")),
        ("好</thin好</think>是", True, ("好</thin好", "是")),
        ("Yes", False, (None, "Yes")),
        ("  Yes", False, (None, "  Yes")),
        ("", False, (None, "")),
        (" \n<think>\na</think>\nb", False, ("a", "b")),
        ("<think>a", False, ("a", None)),
        ("<thin", False, (None, "<thin")),
        ("Yes <think>a</think>", False, (None, "Yes <think>a</think>")),
    ],
)
def test_rules(text: str, starts: bool, expected: tuple[str | None, str | None]) -> None:
    assert run([text], starts) == expected


def test_only_what_may_be_a_tag_is_held_back() -> None:
    splitter = ReasoningSplitter(True)
    assert splitter.push("ab") == ReasoningDelta("ab", "")
    assert splitter.push("c</th") == ReasoningDelta("c", "")
    assert splitter.push("e ") == ReasoningDelta("</the ", "")
    assert splitter.push("</think>\n") == ReasoningDelta()
    assert splitter.push("\nYes") == ReasoningDelta("", "Yes")
    assert splitter.push("</think>") == ReasoningDelta("", "</think>")


def test_content_begins_with_the_end_of_the_thought() -> None:
    splitter = ReasoningSplitter(True)
    splitter.push("a</think")
    assert (splitter.has_reasoning, splitter.has_content) == (True, False)
    splitter.push(">")
    assert (splitter.has_reasoning, splitter.has_content) == (True, True)
