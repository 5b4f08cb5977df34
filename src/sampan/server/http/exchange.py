"""What a request came to: told by whoever answers it, for its line in the log."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Exchange:
    """One request and its answers.

    Args:
        request_id: as its client knows it.
        prompt_tokens, generation_tokens: of all prompts and answers.
        queue_seconds: until the engine began with the first answer; None where it never did.
        first_token_seconds: until the first token of any answer.
    """

    request_id: str
    prompt_tokens: int = 0
    generation_tokens: int = 0
    queue_seconds: float | None = None
    first_token_seconds: float | None = None

    def fields(self) -> dict[str, Any]:
        """Those that tell something."""
        return {name: value for name, value in asdict(self).items() if value}

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
