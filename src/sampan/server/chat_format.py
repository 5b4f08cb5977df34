"""Answers in the shape of `/v1/chat/completions`, whole and in chunks."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sampan.backends.base import TokenLogprobs
from sampan.server.answer import Answer, Answers, Delta
from sampan.server.logprobs import chat_logprobs
from sampan.server.protocol import ChatRequest
from sampan.server.service import Service
from sampan.text import THINK_START

REASONING_FIELDS = {
    "reasoning_content": ("reasoning_content",),
    "reasoning": ("reasoning",),
    "both": ("reasoning_content", "reasoning"),
}


class ChatFormat:
    """Shapes the answers of one request.

    Thought goes into the fields that `reasoning_format` names, or stays in `content` between its tags (`none`: then the
    tag that the prompt ended with is given back, so that there are always two), or is left out with its logprobs
    (`include_reasoning=false`).

    Args:
        model: the name under which the model answers.
        starts_in_reasoning: whether the prompt ended inside a thought.
        answer_id: the `id` of the answer.
    """

    def __init__(
        self, service: Service, request: ChatRequest, model: str, starts_in_reasoning: bool, answer_id: str
    ) -> None:
        self._tokenizer = service.tokenizer
        self._with_logprobs = bool(request.logprobs)
        self._num_choices = request.num_choices
        self._with_usage = request.include_usage
        self._hides_reasoning = request.include_reasoning is False
        self._is_raw = service.config.reasoning_format == "none" and not self._hides_reasoning
        self._raw_prefix = f"{THINK_START}\n" if self._is_raw and starts_in_reasoning else ""
        fields = REASONING_FIELDS.get(service.config.reasoning_format, ())
        self._reasoning_fields = () if self._hides_reasoning else fields
        self._envelope = {
            "id": answer_id,
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": service.system_fingerprint,
        }
        self._held_logprobs: dict[int, list[TokenLogprobs]] = defaultdict(list)

    def completion(self, answers: Answers) -> dict[str, Any]:
        """The whole body."""
        choices = [self._choice(answer) for answer in answers.answers]
        return {**self._envelope, "object": "chat.completion", "choices": choices, "usage": answers.usage()}

    def first_chunks(self) -> Iterator[dict[str, Any]]:
        """What opens each choice of a stream."""
        for index in range(self._num_choices):
            yield self._chunk(index, {"role": "assistant", "content": ""})
            if self._raw_prefix:
                yield self._chunk(index, {"content": self._raw_prefix})

    def chunks(self, delta: Delta) -> Iterator[dict[str, Any]]:
        """A delta as chunks: thought and answer apart, as many clients look at one of them only."""
        text, index = delta.text, delta.index
        if self._with_logprobs:
            hidden = delta.num_thought_tokens if self._hides_reasoning else 0
            self._held_logprobs[index] += delta.logprobs[hidden:]
        parts: list[dict[str, str]] = []
        if text.reasoning and self._reasoning_fields:
            parts.append(dict.fromkeys(self._reasoning_fields, text.reasoning))
        if content := text.text if self._is_raw else text.content:
            parts.append({"content": content})
        for part in parts:
            yield self._chunk(index, part)
        if delta.finish_reason is not None:
            yield self._chunk(index, {}, delta.finish_reason, delta.stop_reason)

    def usage_chunk(self, answers: Answers) -> dict[str, Any]:
        """What closes a stream whose request asked for usage."""
        return {**self._envelope, "object": "chat.completion.chunk", "choices": [], "usage": answers.usage()}

    def _choice(self, answer: Answer) -> dict[str, Any]:
        text = answer.text
        message: dict[str, Any] = {"role": "assistant", "content": text.content}
        if self._is_raw:
            message["content"] = self._raw_prefix + text.text
        message.update(dict.fromkeys(self._reasoning_fields, text.reasoning))
        hidden = text.num_reasoning_tokens if self._hides_reasoning else 0
        return {
            "index": answer.index,
            "message": message,
            "logprobs": chat_logprobs(answer.logprobs[hidden:], self._tokenizer) if self._with_logprobs else None,
            "finish_reason": answer.finish_reason,
            "stop_reason": answer.stop_reason,
        }

    def _chunk(
        self, index: int, delta: dict[str, str], finish_reason: str | None = None, stop_reason: int | str | None = None
    ) -> dict[str, Any]:
        # Tokens whose text is held back have no chunk of their own: their logprobs go out with the next one.
        held = self._held_logprobs.pop(index, None)
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": chat_logprobs(held, self._tokenizer) if held else None,
            "finish_reason": finish_reason,
            "stop_reason": stop_reason,
        }
        chunk = {**self._envelope, "object": "chat.completion.chunk", "choices": [choice]}
        return {**chunk, "usage": None} if self._with_usage else chunk
