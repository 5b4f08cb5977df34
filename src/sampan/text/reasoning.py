"""Splits what a reasoning model writes into thought and answer, in a stream.

DeepSeek-R1 thinks between `<think>` and `</think>`, then answers. The rules are those that the field's servers agree
on: the prompt usually ends inside the thought; a model that repeats `<think>` is forgiven; the first `</think>` ends
the thought; without one everything is thought and there is no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import msgspec

from sampan.text.stop import StopMatcher

THINK_START = "<think>"
THINK_END = "</think>"


class ReasoningDelta(msgspec.Struct, frozen=True, gc=False):
    """What a piece of text added to thought and answer."""

    reasoning: str = ""
    content: str = ""


def ends_in_thought(token_ids: Sequence[int], start_id: int | None, end_id: int | None) -> bool:
    """Whether a prompt ends inside a thought: its last `<think>` has no `</think>` behind it.

    Args:
        start_id, end_id: of the two tags; None where the tokenizer has no such token.
    """
    if start_id not in token_ids:  # at the speed of C, where the loop below would go through a whole prompt
        return False
    for token_id in reversed(token_ids):
        if token_id in (start_id, end_id):
            return token_id == start_id
    return False


class _State(Enum):
    OPENING = 1  # nothing but blanks or a part of `<think>` so far: thought or answer is open
    THINKING_STARTS = 2  # in the thought; newlines and further `<think>` at its beginning are dropped
    THINKING = 3
    ANSWER_STARTS = 4  # newlines after `</think>` are dropped
    ANSWER = 5


class ReasoningSplitter:
    """However the text is split over `push`, thought and answer are those of the whole.

    Args:
        starts_in_reasoning: the prompt ended inside the thought. Otherwise the text is an answer unless it begins with
            `<think>`.
    """

    def __init__(self, starts_in_reasoning: bool) -> None:
        self._state = _State.THINKING_STARTS if starts_in_reasoning else _State.OPENING
        self._blanks: list[str] = []  # blanks before an answer, in case it is one
        self._tag = ""  # what may be the beginning of `<think>`
        self._thought_end = StopMatcher((THINK_END,))

    @property
    def has_reasoning(self) -> bool:
        """Whether there was, or is, a thought, be it empty."""
        return self._state in (_State.THINKING_STARTS, _State.THINKING) or self._thought_end.matched is not None

    @property
    def has_content(self) -> bool:
        """Whether the answer has begun, be it empty. Without a thought everything is answer."""
        return self._state not in (_State.THINKING_STARTS, _State.THINKING)

    def push(self, text: str) -> ReasoningDelta:
        """Takes text in; partial tags are held back."""
        reasoning = ""
        if self._state is _State.OPENING:
            text = self._open(text)
        if self._state is _State.THINKING_STARTS:
            text = self._skip_repeated_tags(text)
        if self._state is _State.THINKING:
            reasoning, text = self._think(text)
        if self._state is _State.ANSWER_STARTS:
            text = text.lstrip("\r\n")
            if text:
                self._state = _State.ANSWER
        return ReasoningDelta(reasoning, text if self._state is _State.ANSWER else "")

    def finish(self) -> ReasoningDelta:
        """Lets go of what was held back."""
        held, self._tag = self._tag, ""
        if self._state is _State.OPENING:
            self._state = _State.ANSWER
            return ReasoningDelta(content="".join(self._blanks) + held)
        return ReasoningDelta(reasoning=held + self._thought_end.finish())

    def _open(self, text: str) -> str:
        text, self._tag = self._tag + text, ""
        stripped = text.lstrip()
        self._blanks.append(text[: len(text) - len(stripped)])
        if stripped.startswith(THINK_START):
            self._state = _State.THINKING_STARTS
            return stripped[len(THINK_START) :]
        if THINK_START.startswith(stripped):
            self._tag = stripped
            return ""
        self._state = _State.ANSWER
        return "".join(self._blanks) + stripped

    def _skip_repeated_tags(self, text: str) -> str:
        text, self._tag = (self._tag + text).lstrip("\r\n"), ""
        while text.startswith(THINK_START):
            text = text[len(THINK_START) :].lstrip("\r\n")
        if THINK_START.startswith(text):
            self._tag = text
            return ""
        self._state = _State.THINKING
        return text

    def _think(self, text: str) -> tuple[str, str]:
        reasoning, matched = self._thought_end.push(text)
        if matched is not None:
            self._state = _State.ANSWER_STARTS
        return reasoning, self._thought_end.rest
