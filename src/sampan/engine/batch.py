"""From scheduled requests to the flat arrays that a backend computes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sampan.backends.base import ForwardBatch, SamplingBatch, SparseRows, TokenMasks
from sampan.engine.request import Request
from sampan.engine.scheduler import ScheduledRequest
from sampan.engine.structured import MaskWriter, Positions


def build_batch(
    scheduled: Sequence[ScheduledRequest], eos_token_ids: Sequence[int], mask_writer: MaskWriter
) -> ForwardBatch:
    """The next step's input. Requests keep the scheduler's order; those whose tokens are all in it sample."""
    sampled = [entry.request for entry in scheduled if entry.samples]
    masks = mask_writer.begin([Positions(request.matcher, request.token_ids) for request in sampled])
    token_ids: list[int] = []
    positions: list[np.ndarray] = []
    query_starts = [0]
    context_lens: list[int] = []
    sample_rows: list[int] = []
    block_tables = np.zeros((len(scheduled), max(len(entry.request.block_ids) for entry in scheduled)), np.int32)
    for index, entry in enumerate(scheduled):
        request, first = entry.request, entry.request.num_computed_tokens
        last = first + entry.num_new_tokens
        token_ids += request.token_ids[first:last]
        positions.append(np.arange(first, last, dtype=np.int32))
        query_starts.append(len(token_ids))
        context_lens.append(last)
        block_tables[index, : len(request.block_ids)] = request.block_ids
        if entry.samples:
            sample_rows.append(len(token_ids) - 1)
    return ForwardBatch(
        token_ids=np.array(token_ids, np.int32),
        positions=np.concatenate(positions),
        query_starts=np.array(query_starts, np.int32),
        context_lens=np.array(context_lens, np.int32),
        block_tables=block_tables,
        sample_rows=np.array(sample_rows, np.int32),
        sampling=build_sampling(sampled, eos_token_ids, masks),
    )


def build_sampling(
    requests: Sequence[Request], eos_token_ids: Sequence[int], masks: TokenMasks | None = None
) -> SamplingBatch:
    """How the next token of each request is drawn."""
    params = [request.params for request in requests]
    return SamplingBatch(
        temperature=np.array([p.temperature for p in params], np.float32),
        top_k=np.array([p.top_k for p in params], np.int32),
        top_p=np.array([p.top_p for p in params], np.float32),
        min_p=np.array([p.min_p for p in params], np.float32),
        seeds=np.array([request.seed for request in requests], np.uint64),
        positions=np.array([request.num_tokens for request in requests], np.int64),
        repetition_penalty=np.array([p.repetition_penalty for p in params], np.float32),
        presence_penalty=np.array([p.presence_penalty for p in params], np.float32),
        frequency_penalty=np.array([p.frequency_penalty for p in params], np.float32),
        num_logprobs=np.array([-1 if p.logprobs is None else p.logprobs for p in params], np.int32),
        seen=_sparse(_seen_counts(request) for request in requests),
        bias=_sparse(_bias(request, eos_token_ids) for request in requests),
        masks=masks,
    )


def _seen_counts(request: Request) -> dict[int, float]:
    """Ids of prompt and output with their number in the output; empty where no penalty asks for them."""
    params = request.params
    if params.repetition_penalty == 1.0 and params.presence_penalty == 0.0 and params.frequency_penalty == 0.0:
        return {}
    counts = dict.fromkeys(request.token_ids[: request.num_prompt_tokens], 0.0)
    for token_id in request.token_ids[request.num_prompt_tokens :]:
        counts[token_id] = counts.get(token_id, 0.0) + 1.0
    return counts


def _bias(request: Request, eos_token_ids: Sequence[int]) -> dict[int, float]:
    """The request's own bias; before `min_tokens`, whatever would end it is forbidden as well."""
    bias = dict(request.params.logit_bias)
    if request.num_output_tokens < request.params.min_tokens:
        bias.update(dict.fromkeys((*eos_token_ids, *request.params.stop_token_ids), -np.inf))
    return bias


def _sparse(rows: Iterable[dict[int, float]]) -> SparseRows:
    starts = [0]
    token_ids: list[int] = []
    values: list[float] = []
    for row in rows:
        token_ids += row.keys()
        values += row.values()
        starts.append(len(token_ids))
    return SparseRows(np.array(starts, np.int32), np.array(token_ids, np.int32), np.array(values, np.float32))
