"""The repetition that a request itself describes, as vLLM has it; `loop_guard` finds those that nobody asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sampan.errors import RequestError

MAX_PATTERN_SIZE = 256
MAX_COUNT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class RepetitionDetection:
    """Immutable; validated when made.

    Args:
        max_pattern_size: tokens of the longest pattern that is looked for.
        min_pattern_size: of the shortest.
        min_count: how often a pattern must come in a row.

    Raises:
        RequestError: a number is out of range.
    """

    max_pattern_size: int
    min_pattern_size: int = 1
    min_count: int = 2

    def __post_init__(self) -> None:
        is_ordered = 1 <= self.min_pattern_size <= self.max_pattern_size <= MAX_PATTERN_SIZE
        if not is_ordered or not 2 <= self.min_count <= MAX_COUNT:
            raise RequestError(
                "repetition_detection is out of range",
                param="repetition_detection",
                remedy=f"use sizes 1 to {MAX_PATTERN_SIZE}, the lesser first, and min_count 2 to {MAX_COUNT}",
            )

    def is_met(self, token_ids: Sequence[int], start: int) -> bool:
        """Whether the tokens from `start` on end in such a repetition."""
        last, room = token_ids[-1], (len(token_ids) - start) // self.min_count
        for size in range(self.min_pattern_size, min(self.max_pattern_size, room) + 1):
            if token_ids[-1 - size] != last:
                continue
            tail = token_ids[-size * self.min_count :]
            if tail[size:] == tail[:-size]:
                return True
        return False
