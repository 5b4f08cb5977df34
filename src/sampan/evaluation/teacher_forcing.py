"""Logits of a text that is given: each position tells what the model thinks of the token behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sampan.backends.base import Backend, Float32Array, ForwardBatch, SamplingBatch, SparseRows

BLOCK_SIZE = 16
LOGIT_BYTES = 64 * 2**20  # of whole logits that are there at the same time


def read_logits(
    backend: Backend, token_ids: Sequence[int], first_row: int = 0, *, vocab_size: int
) -> Iterator[Float32Array]:
    """Logits [C, V] of the rows from `first_row` up to the last but one, some rows at a time.

    Writes the backend's KV blocks from 0 on: an engine on it must be idle, and must not keep prefixes.
    """
    count = max(BLOCK_SIZE, min(512, LOGIT_BYTES // (4 * vocab_size)) // BLOCK_SIZE * BLOCK_SIZE)
    for begin in range(0, len(token_ids) - 1, count):
        end = min(begin + count, len(token_ids) - 1)
        batch = forced_batch(token_ids[begin:end], begin, first_row=max(first_row - begin, 0))
        logits = backend.logits(batch)
        if len(logits):
            yield logits


def forced_batch(token_ids: Sequence[int], first_position: int = 0, *, first_row: int = 0) -> ForwardBatch:
    """The next tokens of one request that owns the KV blocks from 0 on; rows from `first_row` on have logits."""
    count = len(token_ids)
    rows = np.arange(first_row, max(count, first_row), dtype=np.int32)
    zeros, ones, none = np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32), np.zeros(len(rows), np.int32)
    sparse = SparseRows(np.zeros(len(rows) + 1, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))
    end = first_position + count
    return ForwardBatch(
        token_ids=np.asarray(token_ids, np.int32),
        positions=np.arange(first_position, end, dtype=np.int32),
        query_starts=np.array([0, count], np.int32),
        context_lens=np.array([end], np.int32),
        block_tables=np.arange(-(-end // BLOCK_SIZE), dtype=np.int32)[None],
        sample_rows=rows,
        pooled_rows=np.empty(0, np.int32),
        sampling=SamplingBatch(
            temperature=zeros,
            top_k=none,
            top_p=ones,
            min_p=zeros,
            seeds=np.zeros(len(rows), np.uint64),
            positions=first_position + rows.astype(np.int64) + 1,
            repetition_penalty=ones,
            presence_penalty=zeros,
            frequency_penalty=zeros,
            num_logprobs=none - 1,
            given=none - 1,
            seen=sparse,
            bias=sparse,
            masks=None,
        ),
    )
