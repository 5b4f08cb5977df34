"""Examples and the batches made of them.

An example is a row of its own, from position 0, padded on the right: under causal attention padding is never seen, so rows
neither contaminate one another nor meet positions that inference would not give them. Rows of like length share a batch, which
keeps padding to a few per cent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
IntArray = npt.NDArray[np.integer]
_POOL_BATCHES = 32  # batches sorted by length together: more gives less padding, fewer gives more random batches


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids [n] of a whole conversation, and for each whether the model is to learn to say it."""

    token_ids: IntArray
    is_target: npt.NDArray[np.bool_]  # [n]; the first token has nothing before it and is never a target

    def __post_init__(self) -> None:
        if self.token_ids.shape != self.is_target.shape or self.token_ids.ndim != 1:
            raise ValueError(
                f"token_ids {self.token_ids.shape} and is_target {self.is_target.shape} must be one shape [n]"
            )


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step trains on. The loss is taken at `rows` alone, so only they need logits."""

    input_ids: Int64Array  # [batch, length]; padded with 0
    rows: Int64Array  # [targets]; indices into the flattened [batch * length] positions
    targets: Int64Array  # [targets]; the token that follows each of `rows`

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Batch:
        """The examples, one a row. The last token of each has no successor and is not fed in."""
        length = max(len(example.token_ids) for example in examples) - 1
        input_ids = np.zeros((len(examples), length), np.int64)
        rows, targets = [], []
        for i, example in enumerate(examples):
            input_ids[i, : len(example.token_ids) - 1] = example.token_ids[:-1]
            at = np.flatnonzero(example.is_target[1:])
            rows.append(i * length + at)
            targets.append(example.token_ids[1:][at].astype(np.int64))
        return cls(input_ids, np.concatenate(rows), np.concatenate(targets))


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Which examples make up which batch. A pure function of its fields, so a resumed run meets the same batches.

    Args:
        lengths: tokens of each example.
        max_tokens: at most this many positions in a batch, padding included; a longer example is a batch of its own.
        seed: of the shuffling.
    """

    lengths: Sequence[int]
    max_tokens: int
    seed: int

    def epoch(self, number: int) -> list[list[int]]:
        """Batches of epoch `number`, as indices of examples; each example is in exactly one."""
        rng = np.random.default_rng([self.seed, number])
        order = rng.permutation(len(self.lengths))
        average = max(1.0, float(np.mean(self.lengths)))
        pool_size = max(1, int(_POOL_BATCHES * self.max_tokens / average))
        batches: list[list[int]] = []
        for start in range(0, len(order), pool_size):
            pool = sorted((int(i) for i in order[start : start + pool_size]), key=lambda i: self.lengths[i])
            batches += self._cut(pool)
        return [batches[i] for i in rng.permutation(len(batches))]

    def _cut(self, pool: Sequence[int]) -> Iterator[list[int]]:
        """Cuts examples that are sorted by length, so the newest is the longest, into batches."""
        batch: list[int] = []
        for i in pool:
            if batch and (len(batch) + 1) * self.lengths[i] > self.max_tokens:
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    def batches(self, start: int = 0) -> Iterator[list[int]]:
        """All batches of all epochs without end, from number `start` on."""
        number = 0
        while True:
            batches = self.epoch(number)
            yield from batches[start:]
            start = max(0, start - len(batches))
            number += 1
