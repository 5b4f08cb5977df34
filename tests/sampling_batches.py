"""Sampling batches for tests: greedy rows, and what a test wants otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sampan.backends.base import SamplingBatch, SparseRows, TokenMasks


def sparse(rows: list[dict[int, float]]) -> SparseRows:
    starts = np.cumsum([0] + [len(row) for row in rows]).astype(np.int32)
    ids = [token for row in rows for token in row]
    values = [value for row in rows for value in row.values()]
    return SparseRows(starts, np.array(ids, np.int32), np.array(values, np.float32))


def masks(rows: list[set[int] | None], vocab_size: int) -> TokenMasks:
    """The ids that each row may draw; None for any."""
    masked = [row for row in rows if row is not None]
    allowed = np.zeros((len(masked), -(-vocab_size // 32) * 32), np.uint8)
    for flags, row in zip(allowed, masked, strict=True):
        flags[sorted(row)] = 1
    numbers = np.cumsum([row is not None for row in rows]) - 1
    bits = np.packbits(allowed, axis=1, bitorder="little").view(np.uint32)
    return TokenMasks(np.where([row is not None for row in rows], numbers, -1).astype(np.int32), bits)


def sampling_batch(size: int, **changes: object) -> SamplingBatch:
    """`size` greedy rows; a scalar change holds for all rows, a list or an array is taken as it is."""
    plain = SamplingBatch(
        temperature=np.zeros(size, np.float32),
        top_k=np.zeros(size, np.int32),
        top_p=np.ones(size, np.float32),
        min_p=np.zeros(size, np.float32),
        seeds=np.zeros(size, np.uint64),
        positions=np.arange(size, dtype=np.int64),
        repetition_penalty=np.ones(size, np.float32),
        presence_penalty=np.zeros(size, np.float32),
        frequency_penalty=np.zeros(size, np.float32),
        num_logprobs=np.full(size, -1, np.int32),
        given=np.full(size, -1, np.int32),
        seen=sparse([{}] * size),
        bias=sparse([{}] * size),
        masks=None,
    )
    arrays = {
        name: value
        if isinstance(value, (SparseRows, TokenMasks))
        else np.ascontiguousarray(np.broadcast_to(np.asarray(value, getattr(plain, name).dtype), size))
        for name, value in changes.items()
    }
    return replace(plain, **arrays)
