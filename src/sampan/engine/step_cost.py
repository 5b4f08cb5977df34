"""What a further row costs a decode step, measured."""

from __future__ import annotations

MEMORY = 0.99  # of a step, each later one
BELIEVED_FIXED_ROWS = 16.0  # rows that the reading of the weights is believed to weigh, before anything is measured
BELIEF_WEIGHT = 0.5  # of that belief, in squared rows
MAX_HICCUP = 4.0  # a step that takes longer than this many usual ones says nothing about rows


class StepCost:
    """Seconds of a step as `fixed + per_row * rows`: least squares over recent steps, older ones fading out.

    While all steps have equally many rows the slope cannot be told, and what is believed counts. A few drafts are tried
    on it, and the truth is known; when that has faded, a few are tried again.
    """

    def __init__(self) -> None:
        self._weight = self._rows = self._seconds = self._rows_squared = self._rows_seconds = 0.0

    @property
    def mean_rows(self) -> float:
        """Rows of a recent step."""
        return self._rows / self._weight if self._weight else 0.0

    def observe(self, num_rows: int, seconds: float) -> None:
        """Takes in one step."""
        if self._weight > 1.0:
            seconds = min(seconds, MAX_HICCUP * self._seconds / self._weight)
        self._weight = self._weight * MEMORY + 1.0
        self._rows = self._rows * MEMORY + num_rows
        self._seconds = self._seconds * MEMORY + seconds
        self._rows_squared = self._rows_squared * MEMORY + num_rows * num_rows
        self._rows_seconds = self._rows_seconds * MEMORY + num_rows * seconds

    def share(self, num_rows: int) -> float:
        """How much longer a step of `num_rows` takes with a further row for each of them: from 0, nothing, to 1, twice
        as long, where arithmetic is all that counts."""
        if not self._weight:
            return num_rows / (BELIEVED_FIXED_ROWS + num_rows)
        rows, seconds = self._rows / self._weight, self._seconds / self._weight
        spread = self._rows_squared - self._rows * rows
        believed = seconds / (BELIEVED_FIXED_ROWS + rows)
        slope = (self._rows_seconds - self._rows * seconds + BELIEF_WEIGHT * believed) / (spread + BELIEF_WEIGHT)
        step = seconds + slope * (num_rows - rows)
        return min(max(slope * num_rows / step, 0.0), 1.0) if step > 0.0 else 1.0
