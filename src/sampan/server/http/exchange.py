"""What a request came to: told by whoever answers it, for its line in the log."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sampan.cluster.client import RequestTimes


@dataclass
class Exchange:
    """One request and its answers.

    Args:
        request_id: as its client knows it.
        opened_at: when it was read, by `time.monotonic`.
        prompt_tokens, generation_tokens: of all prompts and answers.
        answers: when what happened to each.
    """

    request_id: str
    opened_at: float = 0.0
    prompt_tokens: int = 0
    generation_tokens: int = 0
    answers: list[RequestTimes] = field(default_factory=list)

    @property
    def queue_seconds(self) -> float | None:
        """Until the engine began with the first answer; None where it never did."""
        return self._since([times.began for times in self.answers])

    @property
    def first_token_seconds(self) -> float | None:
        """Until the first token of any answer."""
        return self._since([times.first_token for times in self.answers])

    def _since(self, times: Sequence[float | None]) -> float | None:
        return min((max(at - self.opened_at, 0.0) for at in times if at is not None), default=None)

    def fields(self) -> dict[str, Any]:
        """Those that tell something."""
        names = "prompt_tokens", "generation_tokens", "queue_seconds", "first_token_seconds"
        return {name: value for name in names if (value := getattr(self, name))}

    def __str__(self) -> str:
        """` 12+50 tokens, queued 0.4 ms, first after 80.1 ms`; empty where nothing was answered."""
        if not self.prompt_tokens:
            return ""
        told = f" {self.prompt_tokens}+{self.generation_tokens} tokens"
        if self.queue_seconds is not None:
            told += f", queued {self.queue_seconds * 1000:.1f} ms"
        if self.first_token_seconds is not None:
            told += f", first after {self.first_token_seconds * 1000:.1f} ms"
        return told


current_exchange: ContextVar[Exchange | None] = ContextVar("current_exchange", default=None)
"""The request that is answered here."""
