"""A figure and how sure it is: bootstrap confidence intervals (Efron, 1979) that are the same at every run.

What is drawn anew is whole passages and whole tasks, not positions: neighbouring positions resemble each other, and
taking them for independent would make every interval too narrow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
SEED = 20_250_120
CONFIDENCE = 0.95

Float64Array = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A figure with the ends of its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """In JSON's types."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def map(self, function: np.ufunc, scale: float = 1.0) -> Estimate:
        """Through a function that rises, times `scale`."""
        return Estimate(*(float(function(part)) * scale for part in self))


def mean_of(sums: npt.ArrayLike, counts: npt.ArrayLike) -> Estimate:
    """The mean over all positions of some groups: passages with the sums and numbers of their positions [G]."""
    sums, counts = np.asarray(sums, np.float64), np.asarray(counts, np.float64)
    value = float(sums.sum() / counts.sum())
    drawn = np.random.Generator(np.random.PCG64(SEED)).integers(len(sums), size=(RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    tail = (1.0 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Estimate(value, float(min(low, value)), float(max(high, value)))
