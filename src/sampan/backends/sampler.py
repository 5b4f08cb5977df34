"""Draws tokens from logits, in numpy: the readable twin of every native sampler.

The order is vLLM's: penalties, bias, mask; log-probabilities are taken here; then temperature, min-p, top-k, top-p.
The draw inverts the cumulative distribution of the kept tokens in ascending order of id, with one Philox number per
position. Nothing depends on other rows.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from sampan.backends.base import Float32Array, SamplingBatch, StepOutput, TokenLogprobs
from sampan.backends.philox import uniforms

Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

NO_TOKEN = -1
_NUCLEUS_GUESS = 256  # most nuclei are smaller; a larger one costs a full sort


def sample(logits: Iterable[Float32Array], batch: SamplingBatch) -> StepOutput:
    """Draws one token for each of `S` rows of logits [V]."""
    if batch.masks is not None:
        batch.masks.ready()
    numbers = uniforms(batch.seeds, batch.positions)
    token_ids = np.empty(len(numbers), dtype=np.int32)
    logprobs: list[TokenLogprobs | None] = []
    for i, row in enumerate(logits):
        sound = bool(np.isfinite(row).all())
        if sound:
            row = _adjust(row, batch, i)
            sound = bool(np.isfinite(row.max()))  # penalties and bias may overflow, or leave nothing to draw
        if not sound:
            token_ids[i] = NO_TOKEN
            logprobs.append(None)
            continue
        token = int(batch.given[i])
        if token < 0:
            token = int(row.argmax()) if batch.temperature[i] == 0.0 else _draw(row, batch, i, float(numbers[i]))
        token_ids[i] = token
        wanted = int(batch.num_logprobs[i])
        logprobs.append(_logprobs(row, token, wanted) if wanted >= 0 else None)
    return StepOutput(token_ids, tuple(logprobs))


def _adjust(row: Float32Array, batch: SamplingBatch, i: int) -> Float32Array:
    """Penalties, bias and mask; copies only where one of them applies."""
    seen, counts = batch.seen.row(i)
    bias_ids, bias = batch.bias.row(i)
    allowed = batch.masks.row(i) if batch.masks is not None else None
    if not (len(seen) or len(bias_ids) or allowed is not None):
        return row
    row = row.copy()
    if len(seen):
        repetition = batch.repetition_penalty[i]
        values = row[seen]
        values = np.where(values > 0, values / repetition, values * repetition)
        row[seen] = values - batch.presence_penalty[i] * (counts > 0) - batch.frequency_penalty[i] * counts
    row[bias_ids] += bias
    if allowed is not None:
        row[~allowed[: len(row)]] = -np.inf
    return row


def _draw(row: Float32Array, batch: SamplingBatch, i: int, number: float) -> int:
    scaled = row.astype(np.float64) / float(batch.temperature[i])
    weights = np.exp(scaled - scaled.max())  # the most probable token weighs 1
    kept = np.flatnonzero(weights >= batch.min_p[i]) if batch.min_p[i] > 0.0 else np.arange(len(weights))
    top_k, top_p = int(batch.top_k[i]), float(batch.top_p[i])
    if 0 < top_k < len(kept):
        kept = kept[_largest(weights[kept], top_k)]
    if top_p < 1.0:
        kept = kept[_nucleus(weights[kept], top_p)]
    kept.sort()
    cumulative = np.cumsum(weights[kept])
    return int(kept[min(int(np.searchsorted(cumulative, number * cumulative[-1], side="right")), len(kept) - 1)])


def _largest(weights: Float64Array, count: int) -> IntArray:
    """Indices of the `count` largest, in descending order; of equals the earlier first."""
    if count < len(weights):
        threshold = np.partition(weights, len(weights) - count)[len(weights) - count]
        candidates = np.flatnonzero(weights >= threshold)
    else:
        candidates = np.arange(len(weights))
    return candidates[np.argsort(-weights[candidates], kind="stable")][:count]


def _nucleus(weights: Float64Array, top_p: float) -> IntArray:
    """Indices of the fewest largest whose sum reaches `top_p` of the whole."""
    target = top_p * weights.sum()
    order = _largest(weights, _NUCLEUS_GUESS)
    cumulative = np.cumsum(weights[order])
    if cumulative[-1] < target:
        order = _largest(weights, len(weights))
        cumulative = np.cumsum(weights[order])
    return order[: int(np.searchsorted(cumulative, target, side="left")) + 1]


def _logprobs(row: Float32Array, token: int, count: int) -> TokenLogprobs:
    shifted = row.astype(np.float64) - row.max()
    logprobs = shifted - np.log(np.exp(shifted).sum())
    ids = np.concatenate([[token], _largest(logprobs, count)]) if count else np.array([token])
    rank = int((logprobs > logprobs[token]).sum()) + 1
    return TokenLogprobs(ids.astype(np.int32), logprobs[ids].astype(np.float32), rank)
