"""From scheduled requests to the flat arrays that a backend computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sampan.backends.base import ForwardBatch, SamplingBatch, SparseRows
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.scheduler import ScheduledRequest

FORCED = SamplingParams(temperature=0.0)
FORCED_WITH_LOGPROBS = SamplingParams(temperature=0.0, logprobs=0)


def build_batch(scheduled: Sequence[ScheduledRequest], eos_token_ids: Sequence[int]) -> ForwardBatch:
    """The next step's input. Requests keep the scheduler's order; those whose tokens are all in it sample, behind the
    last of them and behind each draft."""
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
        token_ids += entry.draft_token_ids
        positions.append(np.arange(first, first + entry.num_rows, dtype=np.int32))
        query_starts.append(len(token_ids))
        context_lens.append(first + entry.num_rows)
        block_tables[index, : len(request.block_ids)] = request.block_ids
        sample_rows += range(len(token_ids) - entry.num_samples, len(token_ids))
    return ForwardBatch(
        token_ids=np.array(token_ids, np.int32),
        positions=np.concatenate(positions),
        query_starts=np.array(query_starts, np.int32),
        context_lens=np.array(context_lens, np.int32),
        block_tables=block_tables,
        sample_rows=np.array(sample_rows, np.int32),
        sampling=build_sampling(draws_of(scheduled), eos_token_ids),
    )


class Draw(NamedTuple):
    """One token to be drawn: the next one of a request where its `drafts` are right.

    Args:
        forced: the token that it must be.
    """

    request: Request
    drafts: tuple[int, ...] = ()
    forced: int | None = None

    @property
    def params(self) -> SamplingParams:
        """A forced token is certain: nothing is added to its logit, and no other one has a probability to show."""
        if self.forced is None:
            return self.request.params
        return FORCED if self.request.params.logprobs is None else FORCED_WITH_LOGPROBS


def draws_of(scheduled: Sequence[ScheduledRequest]) -> list[Draw]:
    """All that a step draws, in the order of its sample rows."""
    return [
        Draw(entry.request, entry.draft_token_ids[:index], entry.forced_at(index))
        for entry in scheduled
        for index in range(entry.num_samples)
    ]


def build_sampling(draws: Sequence[Draw], eos_token_ids: Sequence[int]) -> SamplingBatch:
    """How each token is drawn."""
    params = [draw.params for draw in draws]
    return SamplingBatch(
        temperature=np.array([p.temperature for p in params], np.float32),
        top_k=np.array([p.top_k for p in params], np.int32),
        top_p=np.array([p.top_p for p in params], np.float32),
        min_p=np.array([p.min_p for p in params], np.float32),
        seeds=np.array([draw.request.seed for draw in draws], np.uint64),
        positions=np.array([draw.request.num_tokens + len(draw.drafts) for draw in draws], np.int64),
        repetition_penalty=np.array([p.repetition_penalty for p in params], np.float32),
        presence_penalty=np.array([p.presence_penalty for p in params], np.float32),
        frequency_penalty=np.array([p.frequency_penalty for p in params], np.float32),
        num_logprobs=np.array([-1 if p.logprobs is None else p.logprobs for p in params], np.int32),
        seen=_sparse(_seen_counts(draws)),
        bias=_sparse(_bias(draw, eos_token_ids) for draw in draws),
        allowed=_sparse(_allowed(draw) for draw in draws),
    )


def _seen_counts(draws: Sequence[Draw]) -> Iterator[dict[int, float]]:
    """Ids of prompt and output with their number in the output; empty where no penalty asks for them.

    The next draw of the same request counts one draft more, in the same dictionary.
    """
    request: Request | None = None
    counts: dict[int, float] = {}
    for draw in draws:
        params = draw.params
        if params.repetition_penalty == 1.0 and params.presence_penalty == 0.0 and params.frequency_penalty == 0.0:
            request = None
            yield {}
            continue
        new = draw.drafts[-1:]
        if draw.request is not request:
            request = draw.request
            counts = dict.fromkeys(request.token_ids[: request.num_prompt_tokens], 0.0)
            new = (*request.token_ids[request.num_prompt_tokens :], *draw.drafts)
        for token_id in new:
            counts[token_id] = counts.get(token_id, 0.0) + 1.0
        yield counts


def _bias(draw: Draw, eos_token_ids: Sequence[int]) -> dict[int, float]:
    """The request's own bias; before `min_tokens`, whatever would end it is forbidden as well."""
    params = draw.params
    bias = dict(params.logit_bias)
    if draw.request.num_output_tokens + len(draw.drafts) < params.min_tokens:
        bias.update(dict.fromkeys((*eos_token_ids, *params.stop_token_ids), -np.inf))
    return bias


def _allowed(draw: Draw) -> dict[int, float]:
    """The ids that alone may be drawn; empty for all."""
    return {} if draw.forced is None else {draw.forced: 0.0}


def _sparse(rows: Iterable[dict[int, float]]) -> SparseRows:
    starts = [0]
    token_ids: list[int] = []
    values: list[float] = []
    for row in rows:
        token_ids += row.keys()
        values += row.values()
        starts.append(len(token_ids))
    return SparseRows(np.array(starts, np.int32), np.array(token_ids, np.int32), np.array(values, np.float32))
