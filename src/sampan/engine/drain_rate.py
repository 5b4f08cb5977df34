"""How fast the waiting queue empties, measured, so that a refused client is told when to come back."""

from __future__ import annotations

import math

HORIZON_SECONDS = 30.0  # what lies further back counts less than 1/e
LEAST_RETRY_SECONDS = 1.0
MOST_RETRY_SECONDS = 60.0


class DrainRate:
    """Tokens of waiting requests that start, over the time in which there were any waiting.

    Time with an empty queue does not count: it says nothing about how fast one empties.
    """

    def __init__(self) -> None:
        self._tokens = self._seconds = 0.0

    def observe(self, num_tokens: int, seconds: float) -> None:
        """Notes how many tokens left a queue that had requests in it, and over what time."""
        fading = math.exp(-seconds / HORIZON_SECONDS)
        self._tokens = self._tokens * fading + num_tokens
        self._seconds = self._seconds * fading + seconds

    def retry_after(self, num_waiting_tokens: int) -> float:
        """Seconds until what waits now will have started at this speed, within 1 to 60. One that stands still may
        do so for as long again as it has."""
        seconds = num_waiting_tokens * self._seconds / self._tokens if self._tokens else self._seconds
        return min(max(seconds, LEAST_RETRY_SECONDS), MOST_RETRY_SECONDS)
