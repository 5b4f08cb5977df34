"""Answers in the shape of `/v1/completions`: text as it was generated, thought and tags included."""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sampan.server.answer import Answers, Delta
from sampan.server.http.streaming import EventFrame, event
from sampan.server.openai.logprobs import completion_logprobs
from sampan.server.openai.requests import CompletionRequest
from sampan.server.service import Service


class CompletionFormat:
    """Shapes the answers of one request.

    Args:
        model: the name under which the model answers.
        echoes: for each answer, what goes before its text.
    """

    def __init__(self, service: Service, request: CompletionRequest, model: str, echoes: Sequence[str]) -> None:
        self._tokenizer = service.tokenizer
        self._with_logprobs = request.logprobs is not None
        self._with_usage = request.include_usage
        self._echoes = echoes
        self._envelope = {
            "id": f"cmpl-{uuid.uuid4().hex}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": service.system_fingerprint,
        }
        self._offsets: dict[int, int] = defaultdict(int)
        self._frames: dict[int, EventFrame] = {}

    def completion(self, answers: Answers) -> dict[str, Any]:
        """The whole body."""
        choices = [
            {
                "index": answer.index,
                "text": self._echoes[answer.index] + answer.text.text,
                "logprobs": completion_logprobs(answer.logprobs, self._tokenizer, 0) if self._with_logprobs else None,
                "finish_reason": answer.finish_reason,
                "stop_reason": answer.stop_reason,
            }
            for answer in answers.answers
        ]
        return {**self._envelope, "choices": choices, "usage": answers.usage()}

    def first_events(self) -> bytes:
        """The echoes of a stream."""
        return b"".join([self._text_chunk(index, echo) for index, echo in enumerate(self._echoes) if echo])

    def events(self, delta: Delta) -> bytes:
        """A delta as a chunk, unless it has nothing to show yet."""
        logprobs = None
        if self._with_logprobs and delta.logprobs:
            logprobs = completion_logprobs(delta.logprobs, self._tokenizer, self._offsets[delta.index])
            self._offsets[delta.index] += sum(map(len, logprobs["tokens"]))
        if logprobs is not None or delta.finish_reason is not None:
            return event(self._data(delta.index, delta.text.text, logprobs, delta.finish_reason, delta.stop_reason))
        return self._text_chunk(delta.index, delta.text.text) if delta.text.text else b""

    def last_events(self, answers: Answers) -> bytes:
        """The usage, if the request asked for it."""
        if not self._with_usage:
            return b""
        return event({**self._envelope, "choices": [], "usage": answers.usage()})

    def _text_chunk(self, index: int, text: str) -> bytes:
        """Most chunks by far: all but the text is as in the one before."""
        frame = self._frames.get(index)
        if frame is None:
            frame = self._frames[index] = EventFrame(self._data(index, EventFrame.HOLE))
        return frame.fill(text)

    def _data(
        self,
        index: int,
        text: object,
        logprobs: dict[str, Any] | None = None,
        finish_reason: str | None = None,
        stop_reason: int | str | None = None,
    ) -> dict[str, Any]:
        choice = {
            "index": index,
            "text": text,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
            "stop_reason": stop_reason,
        }
        chunk = {**self._envelope, "choices": [choice]}
        return {**chunk, "usage": None} if self._with_usage else chunk
