"""Answers in the shape of `/v1/responses`, whole and as events."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import Any

from sampan.backends.base import TokenLogprobs
from sampan.engine.sampling_params import SamplingParams
from sampan.server.answer import Answers, Delta
from sampan.server.http.errors import error_body, error_kind
from sampan.server.http.streaming import OPENAI_WIRE, Wire, event
from sampan.server.openai.logprobs import chat_logprobs
from sampan.server.openai.requests import ChatRequest
from sampan.server.openai.responses.output import Event, ResponseOutput
from sampan.server.openai.responses.requests import ResponsesRequest
from sampan.server.service import Service


class ResponsesFormat:
    """Shapes the one answer of a request.

    Args:
        chat: the same request in chat's words.
        model: the name under which the model answers.
        defaults: how tokens are drawn where the request says nothing.
    """

    def __init__(
        self, service: Service, request: ResponsesRequest, chat: ChatRequest, model: str, defaults: SamplingParams
    ) -> None:
        self._tokenizer = service.tokenizer
        plan = chat.tool_plan
        self._tools = plan.parser() if plan is not None else None
        self._with_logprobs = chat.num_logprobs is not None
        self._held_logprobs: list[TokenLogprobs] = []
        self._output = ResponseOutput()
        self._num_events = 0
        self._envelope = _envelope(request, model, defaults)

    @property
    def wire(self) -> Wire:
        """How the stream is framed. An error is told with the response as far as it came; nothing marks the end."""
        return Wire(OPENAI_WIRE.media_type, error=self._failed, end=b"", ping=OPENAI_WIRE.ping)

    def completion(self, answers: Answers) -> dict[str, Any]:
        """The whole body."""
        (answer,) = answers.answers
        text, num_thought = answer.text, answer.text.num_reasoning_tokens
        if self._with_logprobs:
            self._held_logprobs += answer.logprobs[num_thought:]
        for _ in self._steps(text.reasoning or "", text.content or "", answer.finish_reason):
            pass
        return self._ended(answers)

    def first_events(self) -> bytes:
        """The response before there is anything in it."""
        response = self._response("in_progress")
        return self._write({"type": f"response.{name}", "response": response} for name in ("created", "in_progress"))

    def events(self, delta: Delta) -> bytes:
        """A delta: items begin, grow and end."""
        if self._with_logprobs:
            self._held_logprobs += delta.logprobs[delta.num_thought_tokens :]
        return self._write(self._steps(delta.text.reasoning, delta.text.content, delta.finish_reason))

    def last_events(self, answers: Answers) -> bytes:
        """The whole response."""
        response = self._ended(answers)
        return self._write([{"type": f"response.{response['status']}", "response": response}])

    def _steps(self, reasoning: str, content: str, finish_reason: str | None) -> Iterable[Event]:
        yield from self._output.add_reasoning(reasoning)
        for piece in self._pieces(content, is_last=finish_reason is not None):
            if isinstance(piece, str):
                yield from self._output.add_text(piece, self._take_logprobs())
            else:
                yield from self._output.add_call(piece)
        if self._held_logprobs and finish_reason is not None and self._output.is_in_message:  # of the end token
            yield from self._output.add_text("", self._take_logprobs())
        if finish_reason is not None:
            yield from self._output.end(is_whole=finish_reason != "length")

    def _pieces(self, content: str, *, is_last: bool) -> Iterable[Any]:
        """The content's texts and calls, in order."""
        if self._tools is None:
            return [content] if content else []
        return self._tools.take(content, is_last=is_last).pieces

    def _take_logprobs(self) -> list[dict[str, Any]] | None:
        """Those of tokens whose text was held back come with the next piece."""
        if not self._with_logprobs:
            return None
        held, self._held_logprobs = self._held_logprobs, []
        content: list[dict[str, Any]] = chat_logprobs(held, self._tokenizer)["content"]
        return content

    def _ended(self, answers: Answers) -> dict[str, Any]:
        is_whole = answers.answers[0].finish_reason != "length"
        usage = answers.usage()
        return {
            **self._response("completed" if is_whole else "incomplete"),
            "incomplete_details": None if is_whole else {"reason": "max_output_tokens"},
            "completed_at": int(time.time()) if is_whole else None,
            "usage": {
                "input_tokens": usage["prompt_tokens"],
                "input_tokens_details": {**usage["prompt_tokens_details"], "cache_write_tokens": 0},
                "output_tokens": usage["completion_tokens"],
                "output_tokens_details": usage["completion_tokens_details"],
                "total_tokens": usage["total_tokens"],
            },
        }

    def _failed(self, error: Exception) -> bytes:
        body = error_body(error)["error"]
        code = "invalid_prompt" if error_kind(error).status == 400 else "server_error"
        response = {**self._response("failed"), "error": {"code": code, "message": body["message"]}}
        return self._write([{"type": "response.failed", "response": response}])

    def _response(self, status: str) -> dict[str, Any]:
        return {**self._envelope, "status": status, "output": self._output.items}

    def _write(self, events: Iterable[Event]) -> bytes:
        data = b""
        for one in events:
            data += event({**one, "sequence_number": self._num_events}, one["type"])
            self._num_events += 1
        return data


def _envelope(request: ResponsesRequest, model: str, defaults: SamplingParams) -> dict[str, Any]:
    """What a response says of its request. Fields that OpenAI's clients look for are there though they hold nothing."""
    given = request.model_dump(mode="json", by_alias=True, exclude_none=True, include={"tools", "tool_choice", "text"})
    effort = request.reasoning.effort if request.reasoning is not None else None
    return {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "model": model,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_new_tokens,
        "metadata": request.metadata or {},
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": None,
        "reasoning": {"effort": effort, "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": defaults.temperature if request.temperature is None else request.temperature,
        "text": {"format": {"type": "text"}, **given.get("text", {})},
        "tool_choice": given.get("tool_choice", "auto"),
        "tools": given.get("tools", []),
        "top_logprobs": request.top_logprobs or 0,
        "top_p": defaults.top_p if request.top_p is None else request.top_p,
        "truncation": request.truncation or "disabled",
        "usage": None,
        "user": request.user,
    }
