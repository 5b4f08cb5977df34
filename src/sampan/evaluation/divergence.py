"""How far next-token distributions lie apart, position by position.

Whole distributions are large: 600 kB a position for a vocabulary of 150,000. What a reference thought is therefore kept
as an outline: the logits of its `k` most probable tokens, and the mass of all others together. Divergence between
outlines never exceeds the exact one (lumping outcomes together loses information, Cover and Thomas, chapter 2), and
falls short of it by what the two disagree on within that rest. Where the vocabulary has at most `k` tokens it is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sampan.backends.threads import default_threads

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]

ROWS_AT_ONCE = 4  # that a thread has in double precision at the same time
MAX_THREADS = 8


class Outline(NamedTuple):
    """Distributions of `R` positions over chosen tokens and the rest. Logits are as they were computed, so that equal
    models have equal outlines, to the last bit."""

    token_ids: Int32Array  # [R, K]; the reference's most probable tokens, best first
    logits: npt.NDArray[np.floating]  # [R, K]
    log_total: Float64Array  # [R]; log of the sum of the exponentials of all logits
    log_rest: Float64Array  # [R]; of those that are not chosen; -inf where there are none

    @classmethod
    def of(cls, logits: npt.NDArray[np.floating], token_ids: Int32Array) -> Outline:
        """Of logits [R, V] at the tokens [R, K]."""
        rows = len(logits)
        log_total, log_rest = np.empty(rows), np.empty(rows)

        def sum_up(span: slice) -> None:
            part = logits[span].astype(np.float64)
            best = part.max(axis=-1, keepdims=True)
            weights = np.exp(part - best)
            log_total[span] = best[:, 0] + np.log(weights.sum(axis=-1))
            np.put_along_axis(weights, token_ids[span], 0.0, axis=-1)
            with np.errstate(divide="ignore"):
                log_rest[span] = best[:, 0] + np.log(weights.sum(axis=-1))

        _for_all_rows(rows, sum_up)
        return cls(token_ids, np.take_along_axis(logits, token_ids, axis=-1), log_total, log_rest)


def most_probable(logits: npt.NDArray[np.floating], count: int) -> Int32Array:
    """The `count` most probable tokens [R, K] of each row, best first; of equals the one with the lower id."""
    count = min(count, logits.shape[-1])
    tokens = np.empty((len(logits), count), np.int32)

    def choose(span: slice) -> None:
        part = logits[span]
        ids = np.broadcast_to(np.arange(part.shape[-1]), part.shape)
        if count < part.shape[-1]:
            ids = np.sort(np.argpartition(part, -count, axis=-1)[:, -count:], axis=-1)
        order = np.argsort(-np.take_along_axis(part, ids, axis=-1), axis=-1, kind="stable")
        tokens[span] = np.take_along_axis(ids, order, axis=-1)

    _for_all_rows(len(logits), choose)
    return tokens


def _for_all_rows(count: int, work: Callable[[slice], None]) -> None:
    """Some rows at a time, on several cores: numpy lets go of the interpreter for arrays of this size."""
    spans = [slice(begin, begin + ROWS_AT_ONCE) for begin in range(0, count, ROWS_AT_ONCE)]
    with ThreadPoolExecutor(min(default_threads(), MAX_THREADS)) as pool:
        for _ in pool.map(work, spans):
            pass


def kl_divergence(reference: Outline, other: Outline) -> Float64Array:
    """KL(reference || other) [R] in nats, of two outlines over the same tokens; exactly 0 where they are equal."""
    p = reference.logits - reference.log_total[:, None]
    q = other.logits - other.log_total[:, None]
    kl = (np.exp(p) * (p - q)).sum(axis=-1)
    left = np.isfinite(reference.log_rest)
    rest = (reference.log_rest - reference.log_total)[left]
    kl[left] += np.exp(rest) * (rest - (other.log_rest - other.log_total)[left])
    return np.asarray(np.maximum(kl, 0.0), np.float64)  # rounding may leave it a hair below


def token_losses(logits: npt.NDArray[np.floating], log_total: Float64Array, tokens: Int32Array) -> Float64Array:
    """-log of the probability [R] that logits [R, V] give to one token a row, in nats."""
    chosen = logits[np.arange(len(tokens)), tokens].astype(np.float64)
    return np.asarray(log_total - chosen, np.float64)
