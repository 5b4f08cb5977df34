"""The usage so far, for streams whose every chunk tells it (vLLM's `continuous_usage_stats`)."""

from __future__ import annotations

from typing import Any

from sampan.server.answer import Delta


class RunningUsage:
    """Counts over all answers of a request.

    Args:
        prompt_tokens: of all prompts, each once.
    """

    def __init__(self, prompt_tokens: int) -> None:
        self._prompt_tokens = prompt_tokens
        self._completion_tokens = 0
        self._reasoning_tokens = 0

    def take(self, delta: Delta) -> None:
        """More of an answer."""
        self._completion_tokens += len(delta.token_ids)
        self._reasoning_tokens += delta.num_thought_tokens

    def usage(self) -> dict[str, Any]:
        """OpenAI's usage object, but for what is known at the end only."""
        return {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": self._completion_tokens,
            "total_tokens": self._prompt_tokens + self._completion_tokens,
            "completion_tokens_details": {"reasoning_tokens": self._reasoning_tokens},
        }
