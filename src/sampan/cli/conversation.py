"""A conversation: who said what, and how the next answer is asked for. Knows no terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from sampan.engine import SamplingParams
from sampan.errors import ContextLengthError, UsageError

Message = dict[str, Any]


class Delta(Protocol):
    """What a step added to an answer."""

    @property
    def reasoning(self) -> str: ...

    @property
    def content(self) -> str: ...


class AnswerStream(Protocol):
    """One answer as it comes. Iterate for the deltas; the rest is what there is so far, and final once the iteration ended."""

    @property
    def reasoning_content(self) -> str | None: ...

    @property
    def content(self) -> str | None: ...

    @property
    def finish_reason(self) -> str | None: ...

    def __iter__(self) -> Iterator[Delta]: ...

    def close(self) -> None:
        """Gives up an answer that has not ended; harmless afterwards."""


class Answerer(Protocol):
    """What a conversation needs of a model."""

    def stream(self, messages: list[Message], params: SamplingParams, *, thinking: bool) -> AnswerStream:
        """Begins an answer.

        Raises:
            ContextLengthError: the messages leave no room for an answer.
        """


class Conversation:
    """Asks a model again and again, with all that was said before.

    Args:
        params: of every answer; a `seed` grows by one with each retry, or the retry would bring the same answer.
        system: a system message, or None.
        thinking: whether answers begin with a thought.
    """

    def __init__(
        self, answerer: Answerer, params: SamplingParams, *, system: str | None = None, thinking: bool = True
    ) -> None:
        self.system = system
        self.thinking = thinking
        self.exchanges: list[tuple[Message, Message]] = []
        self.num_forgotten = 0
        self._answerer = answerer
        self._params = params
        self._asked: str | None = None
        self._kept = False  # whether the answer to it is the last exchange
        self._num_retries = 0

    def ask(self, text: str) -> AnswerStream:
        """Begins the answer to `text`. Where the context is too short for all that was said, the oldest exchanges are forgotten.

        Raises:
            ContextLengthError: even alone, `text` leaves no room for an answer.
        """
        self._asked, self._kept, self._num_retries = text, False, 0
        return self._begin(text)

    def retry(self) -> AnswerStream:
        """Begins another answer to the last question.

        Raises:
            UsageError: nothing was asked yet.
        """
        if self._asked is None:
            raise UsageError("there is no question to answer again", remedy="ask one first")
        if self._kept:
            del self.exchanges[-1]
            self._kept = False
        self._num_retries += 1
        return self._begin(self._asked)

    def _begin(self, text: str) -> AnswerStream:
        seed = self._params.seed
        params = self._params if seed is None else replace(self._params, seed=seed + self._num_retries)
        while True:
            try:
                return self._answerer.stream([*self.messages(), _user(text)], params, thinking=self.thinking)
            except ContextLengthError:
                if not self.exchanges:
                    raise
                del self.exchanges[0]
                self.num_forgotten += 1

    def keep(self, answer: AnswerStream) -> None:
        """Takes an ended answer into the history. One that was stopped inside its thought says nothing and is left out."""
        if self._asked is not None and answer.content is not None:
            reply = {"role": "assistant", "content": answer.content, "reasoning_content": answer.reasoning_content}
            self.exchanges.append((_user(self._asked), reply))
            self._kept = True

    def messages(self) -> list[Message]:
        """All that was said, in OpenAI's shape."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return system + [message for exchange in self.exchanges for message in exchange]

    def clear(self) -> None:
        """Forgets all that was said; the system message stays."""
        self.exchanges.clear()
        self._asked, self._kept = None, False

    def save(self, path: Path) -> None:
        """Writes the messages to a new file as JSON.

        Raises:
            UsageError: the file exists or cannot be written.
        """
        try:
            with path.open("x", encoding="utf-8") as file:
                json.dump(self.messages(), file, ensure_ascii=False, indent=2)
                file.write("\n")
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}", remedy="name a new file in a folder of yours") from error


def _user(text: str) -> Message:
    return {"role": "user", "content": text}
