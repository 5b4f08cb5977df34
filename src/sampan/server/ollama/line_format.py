"""An answer in Ollama's shape: lines of JSON, of which the last one says how it ended and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

import msgspec

from sampan.backends.base import TokenLogprobs
from sampan.server.answer import Answer, Answers, Delta
from sampan.server.http.dialects import OLLAMA
from sampan.server.http.errors import error_facts
from sampan.server.http.streaming import Wire
from sampan.server.openai.logprobs import chat_logprobs
from sampan.server.openai.tools import ToolPlan
from sampan.server.tool_calls import whole_calls
from sampan.text import Tokenizer
from sampan.text.tool_parser import ToolCallDelta

MEDIA_TYPE = "application/x-ndjson"

Calls = Sequence[dict[str, Any]]
Piece = Callable[[str, str, Calls], dict[str, Any]]


def generated_piece(thinking: str, content: str, _: Calls = ()) -> dict[str, Any]:
    """A piece of an answer of `/api/generate`."""
    return {"response": content, "thinking": thinking} if thinking else {"response": content}


def chat_piece(thinking: str, content: str, calls: Calls = ()) -> dict[str, Any]:
    """A piece of an answer of `/api/chat`."""
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if thinking:
        message["thinking"] = thinking
    if calls:
        message["tool_calls"] = calls
    return {"message": message}


def line(data: dict[str, Any]) -> bytes:
    """One line of JSON."""
    return msgspec.json.encode(data) + b"\n"


def now() -> str:
    """The time as Ollama writes it."""
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


class LineFormat:
    """Shapes the answer to one request.

    Args:
        model: the name under which the model answers.
        piece: `generated_piece` or `chat_piece`.
        plan: the tools that may be called. Calls come whole, at the end of the answer.
        context: makes what the last line returns as `context` from the answer; None where there is no such field.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        model: str,
        piece: Piece,
        *,
        with_logprobs: bool,
        plan: ToolPlan | None = None,
        context: Callable[[Answer], list[int]] | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._model = model
        self._piece = piece
        self._with_logprobs = with_logprobs
        self._context = context
        self._tools = plan.parser() if plan is not None else None
        self._calls: list[ToolCallDelta] = []
        self._started = time.perf_counter()
        self._held_logprobs: list[TokenLogprobs] = []

    @property
    def wire(self) -> Wire:
        """How lines are framed. An empty piece breaks a long silence: clients add nothing to what they have."""
        return Wire(
            MEDIA_TYPE,
            error=lambda error: line(OLLAMA.body(error_facts(error), "")),
            end=b"",
            ping=line(self._line("", "")),
        )

    def completion(self, answers: Answers) -> dict[str, Any]:
        """The whole body."""
        (answer,) = answers.answers
        text = answer.text
        self._held_logprobs = answer.logprobs
        content, calls = self._parse(text.content or "", is_last=True)
        return self._line(text.reasoning or "", content, calls) | self._end(answers)

    def first_events(self) -> bytes:
        """Nothing: the first line is the first piece."""
        return b""

    def events(self, delta: Delta) -> bytes:
        """A delta as a line, unless it has nothing to show yet."""
        self._held_logprobs += delta.logprobs if self._with_logprobs else ()
        content, calls = self._parse(delta.text.content, is_last=delta.finish_reason is not None)
        if not (delta.text.reasoning or content or calls):
            return b""
        return line(self._line(delta.text.reasoning, content, calls))

    def last_events(self, answers: Answers) -> bytes:
        """The last line."""
        return line(self._line("", "") | self._end(answers))

    def _parse(self, content: str, *, is_last: bool) -> tuple[str, Calls]:
        """The text of a piece of the answer, and at its end all calls. One that `num_predict` cut is left out."""
        if self._tools is None:
            return content, ()
        said = self._tools.take(content, is_last=is_last)
        self._calls += said.calls
        calls = whole_calls(self._calls) if is_last else ()
        called = [{"name": call.name, "arguments": call.input} for call in calls if call.input is not None]
        return said.content, [{"function": function} for function in called]

    def _line(self, thinking: str, content: str, calls: Calls = ()) -> dict[str, Any]:
        data = {"model": self._model, "created_at": now(), **self._piece(thinking, content, calls), "done": False}
        if self._with_logprobs and self._held_logprobs:
            data["logprobs"] = chat_logprobs(self._held_logprobs, self._tokenizer)["content"]
            self._held_logprobs = []
        return data

    def _end(self, answers: Answers) -> dict[str, Any]:
        """Why it ended, what it was made of, and nanoseconds: from the request's arrival to its end; to the first token
        (waiting for its turn counts); and from there on. Nothing had to be loaded for it."""
        (answer,) = answers.answers
        ended = time.perf_counter()
        first = answer.first_token_at or ended
        end: dict[str, Any] = {
            "done": True,
            "done_reason": answer.finish_reason,
            "total_duration": nanoseconds(ended - self._started),
            "load_duration": 0,
            "prompt_eval_count": answers.num_prompt_tokens,
            "prompt_eval_duration": nanoseconds(first - answer.opened_at),
            "eval_count": answer.text.num_tokens,
            "eval_duration": nanoseconds(ended - first),
        }
        return end if self._context is None else {**end, "context": self._context(answer)}


def nanoseconds(seconds: float) -> int:
    """As Ollama counts time."""
    return int(seconds * 1e9)
