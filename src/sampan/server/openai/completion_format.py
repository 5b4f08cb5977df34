"""Answers in the shape of `/v1/completions`: text as it was generated, thought and tags included."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sampan.backends.base import TokenLogprobs
from sampan.server.answer import Answer, Answers, Delta
from sampan.server.http.streaming import EventFrame, event
from sampan.server.openai.logprobs import CompletionLogprobs, prompt_logprobs
from sampan.server.openai.requests import CompletionRequest
from sampan.server.openai.running_usage import RunningUsage
from sampan.server.service import Service


class CompletionFormat:
    """Shapes the answers of one request.

    Args:
        model: the name under which the model answers.
        prompts: as the request has them.
        token_ids: of each prompt.
    """

    def __init__(
        self,
        service: Service,
        request: CompletionRequest,
        model: str,
        prompts: Sequence[str | Sequence[int]],
        token_ids: Sequence[Sequence[int]],
    ) -> None:
        self._tokenizer = tokenizer = service.tokenizer
        self._token_ids = token_ids
        self._num_choices = request.num_choices
        self._with_usage = request.include_usage
        self._with_prompt_logprobs = request.prompt_logprobs is not None
        self._echoes = [""] * len(prompts)
        if request.echo:
            self._echoes = [item if isinstance(item, str) else tokenizer.decode(item) for item in prompts]
        choices = range(len(prompts) * request.num_choices)
        unseen_ids = frozenset() if request.skip_special_tokens is False else tokenizer.special_ids
        self._logprobs: dict[int, CompletionLogprobs] = {}  # of each choice, where they are wanted
        if request.logprobs is not None:
            self._logprobs = {i: CompletionLogprobs(tokenizer, request.logprobs, unseen_ids) for i in choices}
        # Echoes that a stream still owes, and what has come of their log-probabilities.
        self._owed: dict[int, list[TokenLogprobs]] = {i: [] for i in choices if request.echo and self._logprobs}
        self._envelope = {
            "id": request.answer_id("cmpl"),
            "object": "text_completion",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": service.system_fingerprint,
        }
        self._with_ids = bool(request.return_token_ids)
        self._held_ids: dict[int, list[int]] = {}
        self._running_usage = RunningUsage(sum(map(len, token_ids))) if request.continuous_usage else None
        self._frames: dict[int, EventFrame] = {}

    def completion(self, answers: Answers) -> dict[str, Any]:
        """The whole body."""
        return {**self._envelope, "choices": list(map(self._choice, answers.answers)), "usage": answers.usage()}

    def first_events(self) -> bytes:
        """The echoes of a stream, but for those that wait for their log-probabilities."""
        choices = range(len(self._echoes) * self._num_choices)
        return b"".join([self._text_chunk(i, echo) for i in choices if (echo := self._echo(i)) and i not in self._owed])

    def events(self, delta: Delta) -> bytes:
        """A delta as a chunk, unless it has nothing to show yet."""
        index, opening, logprobs = delta.index, b"", None
        if self._running_usage is not None:
            self._running_usage.take(delta)
        if self._with_ids:
            self._held_ids.setdefault(index, []).extend(delta.token_ids)
        if index in self._owed:
            self._owed[index] += delta.prompt_logprobs
            if not delta.token_ids and delta.finish_reason is None:
                return b""
            opening = self._chunk(index, self._echo(index), self._of_prompt(index, self._owed.pop(index)))
        if delta.logprobs and self._logprobs:
            logprobs = self._logprobs[index].of_answer(delta.logprobs)
        if logprobs is not None or delta.finish_reason is not None:
            return opening + self._chunk(index, delta.text.text, logprobs, delta.finish_reason, delta.stop_reason)
        return opening + self._text_chunk(index, delta.text.text) if delta.text.text else opening

    def last_events(self, answers: Answers) -> bytes:
        """The usage, if the request asked for it."""
        if not self._with_usage:
            return b""
        return event({**self._envelope, "choices": [], "usage": answers.usage()})

    def _choice(self, answer: Answer) -> dict[str, Any]:
        index, logprobs = answer.index, None
        if self._logprobs:
            echoed = self._of_prompt(index, answer.prompt_logprobs) if index in self._owed else {}
            own = self._logprobs[index].of_answer(answer.logprobs)
            logprobs = {name: echoed.get(name, []) + values for name, values in own.items()}
        choice = {
            "index": index,
            "text": self._echo(index) + answer.text.text,
            "logprobs": logprobs,
            "finish_reason": answer.finish_reason,
            "stop_reason": answer.stop_reason,
        }
        if self._with_prompt_logprobs:
            choice["prompt_logprobs"] = prompt_logprobs(answer.prompt_logprobs, self._tokenizer)
        if self._with_ids:
            choice["prompt_token_ids"] = self._token_ids[index // self._num_choices]
            choice["token_ids"] = answer.token_ids
        return choice

    def _echo(self, index: int) -> str:
        return self._echoes[index // self._num_choices]

    def _of_prompt(self, index: int, entries: Sequence[TokenLogprobs]) -> dict[str, list[Any]]:
        return self._logprobs[index].of_prompt(self._token_ids[index // self._num_choices][0], entries)

    def _text_chunk(self, index: int, text: str) -> bytes:
        """Most chunks by far: all but the text is as in the one before."""
        if self._with_ids or self._running_usage is not None:
            return self._chunk(index, text, None)
        frame = self._frames.get(index)
        if frame is None:
            frame = self._frames[index] = EventFrame(self._data(index, EventFrame.HOLE))
        return frame.fill(text)

    def _chunk(
        self,
        index: int,
        text: str,
        logprobs: dict[str, Any] | None,
        finish_reason: str | None = None,
        stop_reason: int | str | None = None,
    ) -> bytes:
        return event(self._data(index, text, logprobs, finish_reason, stop_reason))

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
        if self._with_ids:
            choice["token_ids"] = self._held_ids.pop(index, [])
        chunk = {**self._envelope, "choices": [choice]}
        if self._with_usage:
            chunk["usage"] = self._running_usage.usage() if self._running_usage is not None else None
        return chunk
