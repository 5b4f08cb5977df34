"""The simplest shape: `{"prompt"}` and a few options in, `{"response"}` or `{"text"}` out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from sampan.server.answer import Answer, Answers, Delta
from sampan.server.fields import SamplingFields, TokenLimit, one_of
from sampan.server.http.streaming import event
from sampan.text import THINK_START


class SimpleRequest(SamplingFields):
    """The prompt is one user's message. `max_length` is the most tokens to generate, the prompt not counted; so is
    `max_tokens`."""

    prompt: str | None = None  # demanded by the route, once body and query are put together
    max_length: TokenLimit | None = None
    stream: bool | None = None

    @property
    def max_new_tokens(self) -> int | None:
        return one_of("max_length", self.max_length, "max_tokens", self.max_tokens)


class SimpleAnswer(BaseModel):
    """The answer, in one of two fields."""

    response: str | None = None
    text: str | None = None


class SimpleFormat:
    """The answer without the thought before it; where generation ended inside the thought, so that there is no answer,
    that thought, opened by `<think>`.

    Args:
        field: in which the answer is.
        starts_in_reasoning: whether the prompt ended inside a thought.
    """

    def __init__(self, field: str, starts_in_reasoning: bool) -> None:
        self._field = field
        self._opening = f"{THINK_START}\n" if starts_in_reasoning else ""

    def completion(self, answers: Answers) -> dict[str, Any]:
        """The whole body."""
        (answer,) = answers.answers
        return {self._field: self._shown(answer)}

    def first_events(self) -> bytes:
        """Nothing."""
        return b""

    def events(self, delta: Delta) -> bytes:
        """A piece of the answer."""
        return event({self._field: delta.text.content}) if delta.text.content else b""

    def last_events(self, answers: Answers) -> bytes:
        """The thought, where there is no answer."""
        (answer,) = answers.answers
        return event({self._field: self._shown(answer)}) if answer.text.content is None else b""

    def _shown(self, answer: Answer) -> str:
        content = answer.text.content
        return self._opening + answer.text.text if content is None else content
