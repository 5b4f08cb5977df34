"""One streamed chat completion, as the client saw it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import msgspec

clock = time.perf_counter  # that of an event loop may know milliseconds only


@dataclass(slots=True)
class Outcome:
    """What came of one request. Times are seconds of `clock`.

    Args:
        due: when it should have been sent; delays count from here, so that a server which holds the client up is not
            spared the requests that it delays.
        sent: when it was.
        arrivals: when each piece of text came.
        status: 0 where no response came.
        finish_reason: empty where the stream did not end as it should.
        error: what went wrong; empty where nothing did.
    """

    due: float
    sent: float = 0.0
    ended: float = 0.0
    arrivals: list[float] = field(default_factory=list)
    status: int = 0
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    error: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the whole answer came."""
        return self.status == 200 and not self.error and bool(self.finish_reason)

    @property
    def is_refused(self) -> bool:
        """Whether the server said that it has too much to do."""
        return self.status == 429

    @property
    def first_token_s(self) -> float:
        """From when it was due to the first text."""
        return (self.arrivals[0] if self.arrivals else self.ended) - self.due

    @property
    def end_to_end_s(self) -> float:
        """From when it was due to the end of the answer."""
        return self.ended - self.due

    @property
    def per_token_s(self) -> float:
        """Between two tokens on average, the first one's wait left out; 0 for a single token."""
        if not self.arrivals or self.completion_tokens < 2:
            return 0.0
        return (self.arrivals[-1] - self.arrivals[0]) / (self.completion_tokens - 1)


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta
    finish_reason: str | None = None


class _Cached(msgspec.Struct):
    cached_tokens: int | None = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Cached | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


_decode = msgspec.json.Decoder(_Chunk).decode


class Exchange:
    """Reads the response to one request into its outcome. `done` is set at the end."""

    def __init__(self, due: float, loop: asyncio.AbstractEventLoop) -> None:
        self.outcome = Outcome(due)
        self.done: asyncio.Future[None] = loop.create_future()
        self._rest = b""
        self._has_end = False

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        self.outcome.status = status

    def on_body(self, data: bytes) -> None:
        if self.outcome.status != 200:
            self._rest += data
            return
        *events, self._rest = (self._rest + data).split(b"\n\n")
        for event in events:
            if event.startswith(b"data: "):
                self._take(event[6:])

    def on_end(self, error: str) -> None:
        outcome = self.outcome
        outcome.ended = clock()
        if outcome.status not in (0, 200):
            error = error or self._rest[:200].decode(errors="replace")
        elif not error and not self._has_end:
            error = "the stream has no end"
        outcome.error = outcome.error or error
        if not self.done.done():
            self.done.set_result(None)

    def _take(self, data: bytes) -> None:
        if data == b"[DONE]":
            self._has_end = True
            return
        chunk, outcome = _decode(data), self.outcome
        if chunk.error:
            outcome.error = bytes(chunk.error)[:200].decode(errors="replace")
        for choice in chunk.choices:
            delta = choice.delta
            if delta.content or delta.reasoning_content or delta.reasoning:
                outcome.arrivals.append(clock())
            if choice.finish_reason:
                outcome.finish_reason = choice.finish_reason
        if chunk.usage is not None:
            outcome.prompt_tokens, outcome.completion_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
            details = chunk.usage.prompt_tokens_details
            outcome.cached_tokens = details.cached_tokens or 0 if details is not None else 0
