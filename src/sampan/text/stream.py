"""From the tokens of an answer to what a reader sees: detokenise, stop at stop strings, split thought and answer.

The Python API and the server both use this one class, so that a streamed answer and a whole one are the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sampan.text.detokenizer import IncrementalDetokenizer
from sampan.text.reasoning import THINK_END, ReasoningDelta, ReasoningSplitter
from sampan.text.stop import StopMatcher
from sampan.text.tokenizer import Tokenizer


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """What some tokens added. `text` is all of it; `reasoning` and `content` are its parts without tags.

    `stopped_by` is the stop string that was found: the request is over and its remaining tokens do not count. Deltas
    that follow each other can be added.
    """

    text: str = ""
    reasoning: str = ""
    content: str = ""
    stopped_by: str | None = None

    def __add__(self, later: TextDelta) -> TextDelta:
        return TextDelta(
            self.text + later.text,
            self.reasoning + later.reasoning,
            self.content + later.content,
            later.stopped_by or self.stopped_by,
        )


class TextStream:
    """One answer, token by token.

    Args:
        tokenizer: of the model that writes.
        stop: strings that end the answer; found in thought and answer alike.
        include_stop: keep the stop string, or the text of the stop token, in the text.
        skip_special_tokens: leave special tokens out; `<think>` and `</think>` stay.
        starts_in_reasoning: whether the prompt ended inside a thought; None does not split, all is content.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        stop: Sequence[str] = (),
        include_stop: bool = False,
        skip_special_tokens: bool = True,
        starts_in_reasoning: bool | None = None,
    ) -> None:
        tags = frozenset(i for i in (tokenizer.think_start_id, tokenizer.think_end_id) if i is not None)
        self._detokenizer = IncrementalDetokenizer(tokenizer, skip_special_tokens=skip_special_tokens, keep=tags)
        self._stop = StopMatcher(stop, include_stop=include_stop)
        self.has_stop = bool(stop)
        self._include_stop = include_stop
        self._splitter = None if starts_in_reasoning is None else ReasoningSplitter(starts_in_reasoning)
        # Counts on its own: text that the stop matcher holds back has been generated all the same.
        self._thought_end = StopMatcher((THINK_END,))
        self._num_thought_tokens = 0
        self.num_tokens = 0  # those that count: up to the one that completed a stop string
        self._parts: list[TextDelta] = []

    def push(self, token_ids: Sequence[int], *, last_is_stop: bool = False) -> TextDelta:
        """Takes new tokens in and gives out the text that is certain.

        Args:
            token_ids: of one step.
            last_is_stop: the last one ended the answer (end token or stop id) and is no part of its text.
        """
        emitted = ""
        hidden = len(token_ids) - 1 if last_is_stop and not self._include_stop else -1
        for index, token_id in enumerate(token_ids):
            if self._stop.matched is not None:
                break
            text = "" if index == hidden else self._detokenizer.push((token_id,))
            self.num_tokens += 1
            if self._thought_end.matched is None:
                self._num_thought_tokens += 1
                self._thought_end.push(text)
            emitted += self._stop.push(text)[0]
        return self._keep(self._emit(emitted, self._stop.matched))

    def finish(self) -> TextDelta:
        """Gives out what was held back."""
        if self._stop.matched is not None:
            return self._keep(self._split_end())
        emit, matched = self._stop.push(self._detokenizer.finish())
        return self._keep(self._emit(emit + self._stop.finish(), matched) + self._split_end())

    @property
    def text(self) -> str:
        """All that was given out so far, with tags."""
        return "".join(part.text for part in self._parts)

    @property
    def reasoning(self) -> str | None:
        """The thought so far; None where there is none."""
        if self._splitter is None or not self._splitter.has_reasoning:
            return None
        return "".join(part.reasoning for part in self._parts)

    @property
    def content(self) -> str | None:
        """The answer so far; None while, or where, all is thought."""
        if self._splitter is not None and not self._splitter.has_content:
            return None
        return "".join(part.content for part in self._parts)

    @property
    def num_reasoning_tokens(self) -> int:
        """Tokens of the thought, up to and with `</think>`."""
        return self._num_thought_tokens if self._splitter is not None and self._splitter.has_reasoning else 0

    @property
    def stopped_by(self) -> str | None:
        """The stop string that ended the answer."""
        return self._stop.matched

    def _emit(self, text: str, matched: str | None) -> TextDelta:
        if self._splitter is None:
            return TextDelta(text, "", text, matched)
        delta = self._splitter.push(text)
        return TextDelta(text, delta.reasoning, delta.content, matched)

    def _split_end(self) -> TextDelta:
        delta = ReasoningDelta() if self._splitter is None else self._splitter.finish()
        return TextDelta("", delta.reasoning, delta.content, self._stop.matched)

    def _keep(self, delta: TextDelta) -> TextDelta:
        self._parts.append(delta)
        return delta
