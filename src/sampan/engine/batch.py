"""From scheduled requests to the flat arrays that a backend computes.

This runs once a step for every request, so it goes over them in few and plain passes: what does not change while a
request is open is packed once, in `Request`, and only joined here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampan.backends.base import Float32Array, ForwardBatch, Int32Array, SamplingBatch, SparseRows
from sampan.engine.request import Request
from sampan.engine.sampling_record import SAMPLING_RECORD
from sampan.engine.scheduler import ScheduledRequest

SparseRow = tuple[Int32Array, Float32Array]
NO_IDS: Int32Array = np.empty(0, np.int32)
NO_VALUES: Float32Array = np.empty(0, np.float32)


def build_batch(scheduled: Sequence[ScheduledRequest], eos_token_ids: Sequence[int]) -> ForwardBatch:
    """The next step's input. Requests keep the scheduler's order; those whose tokens are all in it sample."""
    token_ids: list[int] = []
    firsts: list[int] = []
    ends: list[int] = []
    sample_rows: list[int] = []
    sampling: list[Request] = []
    for entry in scheduled:
        request, first = entry.request, entry.request.num_computed_tokens
        token_ids += request.token_ids[first : first + entry.num_new_tokens]
        firsts.append(first)
        ends.append(len(token_ids))
        if entry.samples:
            sample_rows.append(len(token_ids) - 1)
            sampling.append(request)
    first_positions = np.array(firsts, np.int32)
    query_starts = np.array([0, *ends], np.int32)
    num_new = np.diff(query_starts)
    # A request's tokens are in a row: their positions are their places in the batch, moved by one number.
    positions = np.arange(len(token_ids), dtype=np.int32) + np.repeat(first_positions - query_starts[:-1], num_new)
    return ForwardBatch(
        token_ids=np.array(token_ids, np.int32),
        positions=positions,
        query_starts=query_starts,
        context_lens=first_positions + num_new,
        block_tables=_block_tables([entry.request for entry in scheduled]),
        sample_rows=np.array(sample_rows, np.int32),
        sampling=build_sampling(sampling, eos_token_ids),
    )


def build_sampling(requests: Sequence[Request], eos_token_ids: Sequence[int]) -> SamplingBatch:
    """How the next token of each request is drawn."""
    records = np.frombuffer(b"".join([request.sampling_record for request in requests]), SAMPLING_RECORD)
    return SamplingBatch(
        **{name: np.ascontiguousarray(records[name]) for name in SAMPLING_RECORD.names or ()},
        positions=np.array([len(request.token_ids) for request in requests], np.int64),
        seen=_sparse([_seen(request) for request in requests]),
        bias=_sparse([_bias(request, eos_token_ids) for request in requests]),
        allowed=_sparse([None] * len(requests)),
    )


def _block_tables(requests: Sequence[Request]) -> Int32Array:
    """[R, B], padded with 0."""
    width = max([len(request.block_ids) for request in requests])
    num_bytes = width * np.dtype(np.int32).itemsize
    rows = [request.block_ids.tobytes().ljust(num_bytes, b"\0") for request in requests]
    return np.frombuffer(b"".join(rows), np.int32).reshape(len(requests), width)


def _seen(request: Request) -> SparseRow | None:
    """Ids of prompt and output with their number in the output, where a penalty asks for them."""
    seen = request.seen
    if seen is None:
        return None
    seen.update(request.token_ids)
    return seen.ids, seen.counts


def _bias(request: Request, eos_token_ids: Sequence[int]) -> SparseRow | None:
    """The request's own bias; before `min_tokens`, whatever would end it is forbidden as well."""
    params = request.params
    must_go_on = params.min_tokens and request.num_output_tokens < params.min_tokens
    if not must_go_on and not params.logit_bias:
        return None
    bias = dict(params.logit_bias)
    if must_go_on:
        bias.update(dict.fromkeys((*eos_token_ids, *params.stop_token_ids), -np.inf))
    return np.fromiter(bias, np.int32, len(bias)), np.fromiter(bias.values(), np.float32, len(bias))


def _sparse(rows: Sequence[SparseRow | None]) -> SparseRows:
    """Rows of ids and values as compressed ones; None is an empty row."""
    filled = [row for row in rows if row is not None]
    if not filled:
        return SparseRows(np.zeros(len(rows) + 1, np.int32), NO_IDS, NO_VALUES)
    lengths = [0, *(0 if row is None else len(row[0]) for row in rows)]
    token_ids, values = zip(*filled, strict=True)
    return SparseRows(np.cumsum(lengths, dtype=np.int32), np.concatenate(token_ids), np.concatenate(values))
