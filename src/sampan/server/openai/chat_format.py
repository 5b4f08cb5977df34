"""Answers in the shape of `/v1/chat/completions`, whole and in chunks."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sampan.backends.base import TokenLogprobs
from sampan.server.answer import Answer, Answers, Delta
from sampan.server.http.streaming import EventFrame, event
from sampan.server.openai.logprobs import chat_logprobs, prompt_logprobs
from sampan.server.openai.reasoning import FORMATS
from sampan.server.openai.requests import ChatRequest
from sampan.server.openai.running_usage import RunningUsage
from sampan.server.openai.tool_format import ToolFormat
from sampan.server.service import Service
from sampan.text import THINK_START

CONTENT = ("content",)


class ChatFormat:
    """Shapes the answers of one request.

    Thought goes into the fields that `reasoning_format` names, or stays in `content` between its tags (then the tag
    that the prompt ended with is given back, so that there are always two), or is left out with its logprobs (`hidden`,
    `include_reasoning=false`).

    Args:
        model: the name under which the model answers.
        starts_in_reasoning: whether the prompt ended inside a thought.
        answer_id: the `id` of the answer.
        prompt: its token ids.
    """

    def __init__(
        self,
        service: Service,
        request: ChatRequest,
        model: str,
        starts_in_reasoning: bool,
        answer_id: str,
        prompt: Sequence[int],
    ) -> None:
        self._tokenizer = service.tokenizer
        self._with_logprobs = bool(request.logprobs)
        self._with_prompt_logprobs = request.prompt_logprobs is not None
        self._num_choices = request.num_choices
        self._with_usage = request.include_usage
        shown = request.shown_format(service.config.reasoning_format)
        self._hides_reasoning = shown == "hidden"
        self._reasoning_fields, self._is_raw = FORMATS[shown]
        self._raw_prefix = f"{THINK_START}\n" if self._is_raw and starts_in_reasoning else ""
        self._envelope = {
            "id": answer_id,
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": service.system_fingerprint,
        }
        plan = request.tool_plan
        self._tools = None if plan is None else ToolFormat(plan, is_legacy=request.has_legacy_tools)
        self._prompt = prompt
        self._with_ids = bool(request.return_token_ids)
        self._running_usage = RunningUsage(len(prompt)) if request.continuous_usage else None
        self._held_ids: dict[int, list[int]] = defaultdict(list)
        self._held_logprobs: dict[int, list[TokenLogprobs]] = defaultdict(list)
        self._frames: dict[tuple[int, tuple[str, ...]], EventFrame] = {}

    def completion(self, answers: Answers) -> dict[str, Any]:
        """The whole body."""
        choices = [self._choice(answer) for answer in answers.answers]
        body = {**self._envelope, "object": "chat.completion", "choices": choices, "usage": answers.usage()}
        if self._with_prompt_logprobs:
            body["prompt_logprobs"] = prompt_logprobs(answers.answers[0].prompt_logprobs, self._tokenizer)
        if self._with_ids:
            body["prompt_token_ids"] = self._prompt
        return body

    def first_events(self) -> bytes:
        """What opens each choice of a stream."""
        opening = b""
        for index in range(self._num_choices):
            opening += self._chunk(index, {"role": "assistant", "content": ""})
            if self._raw_prefix:
                opening += self._chunk(index, {"content": self._raw_prefix})
        return opening

    def events(self, delta: Delta) -> bytes:
        """A delta as chunks: thought and answer apart, as many clients look at one of them only."""
        text, index = delta.text, delta.index
        hidden = delta.num_thought_tokens if self._hides_reasoning else 0
        if self._with_logprobs:
            self._held_logprobs[index] += delta.logprobs[hidden:]
        if self._with_ids:
            self._held_ids[index] += delta.token_ids[hidden:]
        if self._running_usage is not None:
            self._running_usage.take(delta)
        chunks = b""
        if text.reasoning and self._reasoning_fields:
            chunks += self._text_chunk(index, self._reasoning_fields, text.reasoning)
        content, reason = text.text if self._is_raw else text.content, delta.finish_reason
        calls: list[dict[str, Any]] = []
        if self._tools is not None:
            content, calls = self._tools.deltas(index, content, is_last=reason is not None)
            reason = self._tools.finish_reason(index, reason) if reason is not None else None
        if content:
            chunks += self._text_chunk(index, CONTENT, content)
        for call in calls:
            chunks += self._chunk(index, call)
        if reason is not None:
            chunks += self._chunk(index, {}, reason, delta.stop_reason)
        return chunks

    def last_events(self, answers: Answers) -> bytes:
        """The usage, if the request asked for it."""
        if not self._with_usage:
            return b""
        return event({**self._envelope, "object": "chat.completion.chunk", "choices": [], "usage": answers.usage()})

    def _choice(self, answer: Answer) -> dict[str, Any]:
        text, reason = answer.text, answer.finish_reason
        message: dict[str, Any] = {"role": "assistant", "content": text.text if self._is_raw else text.content}
        if self._tools is not None:
            message.update(self._tools.message(answer.index, message["content"]))
            reason = self._tools.finish_reason(answer.index, reason)
        if self._raw_prefix:
            message["content"] = self._raw_prefix + (message["content"] or "")
        message.update(dict.fromkeys(self._reasoning_fields, text.reasoning))
        hidden = text.num_reasoning_tokens if self._hides_reasoning else 0
        choice = {
            "index": answer.index,
            "message": message,
            "logprobs": chat_logprobs(answer.logprobs[hidden:], self._tokenizer) if self._with_logprobs else None,
            "finish_reason": reason,
            "stop_reason": answer.stop_reason,
        }
        return {**choice, "token_ids": answer.token_ids[hidden:]} if self._with_ids else choice

    def _text_chunk(self, index: int, fields: tuple[str, ...], text: str) -> bytes:
        """Most chunks by far: nothing but text, and all but the text is as in the one before."""
        if index in self._held_logprobs or self._with_ids or self._running_usage is not None:
            return self._chunk(index, dict.fromkeys(fields, text))
        frame = self._frames.get((index, fields))
        if frame is None:
            frame = self._frames[index, fields] = EventFrame(self._data(index, dict.fromkeys(fields, EventFrame.HOLE)))
        return frame.fill(text)

    def _chunk(
        self, index: int, delta: dict[str, Any], finish_reason: str | None = None, stop_reason: int | str | None = None
    ) -> bytes:
        # Tokens whose text is held back have no chunk of their own: their logprobs go out with the next one.
        held = self._held_logprobs.pop(index, None)
        return event(self._data(index, delta, held, finish_reason, stop_reason))

    def _data(
        self,
        index: int,
        delta: Mapping[str, object],
        logprobs: Sequence[TokenLogprobs] | None = None,
        finish_reason: str | None = None,
        stop_reason: int | str | None = None,
    ) -> dict[str, Any]:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": chat_logprobs(logprobs, self._tokenizer) if logprobs else None,
            "finish_reason": finish_reason,
            "stop_reason": stop_reason,
        }
        chunk = {**self._envelope, "object": "chat.completion.chunk", "choices": [choice]}
        if self._with_ids:
            choice["token_ids"] = self._held_ids.pop(index, [])
            if "role" in delta:
                chunk["prompt_token_ids"] = self._prompt
        if self._with_usage:
            chunk["usage"] = self._running_usage.usage() if self._running_usage is not None else None
        return chunk
