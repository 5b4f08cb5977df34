"""Drives a backend's forward step through its paged KV cache, with as many tokens a step as a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sampan.backends.base import Float32Array, ForwardBatch
from sampan.backends.native import NativeBackend
from sampan.backends.paddle import PaddleBackend
from sampling_batches import sampling_batch

BLOCK_SIZE = 16


@dataclass(eq=False)
class Row:
    """One request: its prompt, how many tokens it brings to each step, and the blocks that are its own."""

    token_ids: Sequence[int]
    chunks: Sequence[int]
    block_table: Sequence[int]

    def span(self, step: int) -> range:
        """Positions that it brings to a step."""
        start = sum(self.chunks[:step])
        return range(start, start + self.chunks[step])


def paged_logits(
    backend: PaddleBackend | NativeBackend, rows: Sequence[Row], num_blocks: int = 64
) -> list[Float32Array]:
    """Logits [tokens, vocab_size] of every token of every row, computed step by step over a fresh cache.

    In each step every row that still has tokens brings its next chunk.
    """
    backend.allocate_kv_cache(num_blocks, BLOCK_SIZE)
    logits: dict[Row, list[Float32Array]] = {row: [] for row in rows}
    width = max(len(row.block_table) for row in rows)
    for step in range(max(len(row.chunks) for row in rows)):
        active = [row for row in rows if step < len(row.chunks)]
        spans = [row.span(step) for row in active]
        starts = np.cumsum([0, *map(len, spans)]).astype(np.int32)
        token_ids = [row.token_ids[span.start : span.stop] for row, span in zip(active, spans, strict=True)]
        tables = [[*row.block_table, *[0] * (width - len(row.block_table))] for row in active]
        batch = ForwardBatch(
            token_ids=np.concatenate(token_ids).astype(np.int32),
            positions=np.concatenate(spans).astype(np.int32),
            query_starts=starts,
            context_lens=np.array([span.stop for span in spans], np.int32),
            block_tables=np.array(tables, np.int32),
            sample_rows=np.arange(starts[-1], dtype=np.int32),
            pooled_rows=np.empty(0, np.int32),
            sampling=sampling_batch(int(starts[-1])),  # `logits` does not look at it
        )
        for row, part in zip(active, np.split(backend.logits(batch), starts[1:-1]), strict=True):
            logits[row].append(part)
    return [np.concatenate(logits[row]) for row in rows]


def equal_chunks(length: int, size: int) -> list[int]:
    """`length` in chunks of `size`, the last one shorter."""
    return [min(size, length - start) for start in range(0, length, size)]
