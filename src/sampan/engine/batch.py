"""From scheduled requests to the flat arrays that a backend computes.

This runs once a step for every request, so it goes over them in few and plain passes: what does not change while a
request is open is packed once, in `Request`, and only joined here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

from sampan.backends.base import Float32Array, ForwardBatch, Int32Array, SamplingBatch, SparseRows, TokenMasks
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.sampling_record import SAMPLING_RECORD, sampling_record
from sampan.engine.scheduler import ScheduledRequest
from sampan.engine.structured import MaskWriter, Positions

SparseRow = tuple[Int32Array, Float32Array]
NO_IDS: Int32Array = np.empty(0, np.int32)
NO_VALUES: Float32Array = np.empty(0, np.float32)


@cache
def given_record(num_logprobs: int | None) -> bytes:
    """For a token that is known."""
    return sampling_record(SamplingParams(temperature=0.0, logprobs=num_logprobs))


class Draw(NamedTuple):
    """One token to be drawn: the next one of a request where its `drafts` are right.

    Args:
        given: the token that it is, in a prompt or by force: nothing is drawn, nor added to a logit; -1: it is drawn.
        num_logprobs: that a given token shows.
    """

    request: Request
    drafts: tuple[int, ...] = ()
    given: int = -1
    num_logprobs: int | None = None

    @property
    def sampling_record(self) -> bytes:
        """How it is drawn; see `sampan.engine.sampling_record`."""
        return self.request.sampling_record if self.given < 0 else given_record(self.num_logprobs)


def build_batch(
    scheduled: Sequence[ScheduledRequest], eos_token_ids: Sequence[int], mask_writer: MaskWriter
) -> ForwardBatch:
    """The next step's input. Requests keep the scheduler's order; those whose tokens are all in it sample, behind the
    last of them and behind each draft. The given tokens of prompts come after all that are drawn."""
    token_ids: list[int] = []
    firsts: list[int] = []
    query_starts = [0]
    sample_rows: list[int] = []
    draws: list[Draw] = []
    given_rows: list[int] = []
    given: list[Draw] = []
    pooled_rows: list[int] = []
    masks = mask_writer.begin(
        [
            Positions(
                entry.request.matcher,
                entry.request.token_ids,
                entry.draft_token_ids,
                len(entry.forced_token_ids),
            )
            for entry in scheduled
            if entry.samples
        ]
    )
    for entry in scheduled:
        request, first = entry.request, entry.request.num_computed_tokens
        if entry.reads:
            rows = range(entry.reads.start + len(token_ids) - first, entry.reads.stop + len(token_ids) - first)
            if request.params.pooling is not None:
                pooled_rows += rows
            else:
                given_rows += rows
                count = request.params.prompt_logprobs
                given += [Draw(request, (), request.token_ids[position + 1], count) for position in entry.reads]
        token_ids += request.token_ids[first : first + entry.num_new_tokens]
        if entry.samples:
            sample_rows.append(len(token_ids) - 1)
            draws.append(Draw(request, (), entry.forced_at(0), request.params.logprobs))
        for index, draft in enumerate(entry.draft_token_ids, start=1):
            sample_rows.append(len(token_ids))
            token_ids.append(draft)
            drafts = entry.draft_token_ids[:index]
            draws.append(Draw(request, drafts, entry.forced_at(index), request.params.logprobs))
        firsts.append(first)
        query_starts.append(len(token_ids))
    starts, first_positions = np.array(query_starts, np.int32), np.array(firsts, np.int32)
    num_rows = np.diff(starts)
    # A request's tokens are in a row: their positions are their places in the batch, moved by one number.
    positions = np.arange(len(token_ids), dtype=np.int32) + np.repeat(first_positions - starts[:-1], num_rows)
    return ForwardBatch(
        token_ids=np.array(token_ids, np.int32),
        positions=positions,
        query_starts=starts,
        context_lens=first_positions + num_rows,
        block_tables=_block_tables([entry.request for entry in scheduled]),
        sample_rows=np.array(sample_rows + given_rows, np.int32),
        sampling=build_sampling(draws + given, eos_token_ids, masks),
        pooled_rows=np.array(pooled_rows, np.int32),
    )


def build_sampling(
    draws: Sequence[Draw], eos_token_ids: Sequence[int], masks: TokenMasks | None = None
) -> SamplingBatch:
    """How each token is drawn."""
    seen, bias = _edits(draws, eos_token_ids)
    if masks is not None and len(masks.rows) < len(draws):  # given tokens have none
        masks = replace(masks, rows=np.pad(masks.rows, (0, len(draws) - len(masks.rows)), constant_values=-1))
    records = np.frombuffer(b"".join([draw.sampling_record for draw in draws]), SAMPLING_RECORD)
    return SamplingBatch(
        **{name: np.ascontiguousarray(records[name]) for name in SAMPLING_RECORD.names or ()},
        seeds=np.array([draw.request.seed for draw in draws], np.uint64),
        given=np.array([draw.given for draw in draws], np.int32),
        positions=np.array([len(draw.request.token_ids) + len(draw.drafts) for draw in draws], np.int64),
        seen=seen,
        bias=bias,
        masks=masks,
    )


def _edits(draws: Sequence[Draw], eos_token_ids: Sequence[int]) -> tuple[SparseRows, SparseRows]:
    """What is done to some logits of some rows: seen, bias. Most steps have nothing of the kind."""
    if not any([draw.request.edits_logits for draw in draws]):
        nothing = SparseRows(np.zeros(len(draws) + 1, np.int32), NO_IDS, NO_VALUES)
        return nothing, nothing
    return _sparse([_seen(draw) for draw in draws]), _sparse([_bias(draw, eos_token_ids) for draw in draws])


def _block_tables(requests: Sequence[Request]) -> Int32Array:
    """[R, B], padded with 0."""
    width = max([len(request.block_ids) for request in requests])
    num_bytes = width * np.dtype(np.int32).itemsize
    rows = [request.block_ids.tobytes().ljust(num_bytes, b"\0") for request in requests]
    return np.frombuffer(b"".join(rows), np.int32).reshape(len(requests), width)


def _seen(draw: Draw) -> SparseRow | None:
    """Ids of prompt and output with their number in the output, where a penalty asks for them."""
    seen = draw.request.seen
    if seen is None or draw.given >= 0:
        return None
    seen.update(draw.request.token_ids)
    return seen.rows(draw.drafts)


def _bias(draw: Draw, eos_token_ids: Sequence[int]) -> SparseRow | None:
    """The request's own bias; what ends a bad word, and before `min_tokens` what ends the output, is forbidden."""
    params = draw.request.params
    must_go_on = params.min_tokens and draw.request.num_output_tokens + len(draw.drafts) < params.min_tokens
    bad_ids = [ids[-1] for ids in params.bad_word_ids if _ends_with(draw, ids[:-1])]
    if not (must_go_on or params.logit_bias or bad_ids) or draw.given >= 0:
        return None
    bias = dict(params.logit_bias)
    bias.update(dict.fromkeys(bad_ids, -np.inf))
    if must_go_on:
        bias.update(dict.fromkeys((*eos_token_ids, *params.stop_token_ids), -np.inf))
    return np.fromiter(bias, np.int32, len(bias)), np.fromiter(bias.values(), np.float32, len(bias))


def _ends_with(draw: Draw, ids: Sequence[int]) -> bool:
    """Whether the output, drafts included, ends with these ids."""
    request, num_ids = draw.request, len(ids)
    if request.num_output_tokens + len(draw.drafts) < num_ids:
        return False
    return not num_ids or [*request.token_ids[-num_ids:], *draw.drafts][-num_ids:] == list(ids)


def _sparse(rows: Sequence[SparseRow | None]) -> SparseRows:
    """Rows of ids and values as compressed ones; None is an empty row."""
    filled = [row for row in rows if row is not None]
    if not filled:
        return SparseRows(np.zeros(len(rows) + 1, np.int32), NO_IDS, NO_VALUES)
    lengths = [0, *(0 if row is None else len(row[0]) for row in rows)]
    token_ids, values = zip(*filled, strict=True)
    return SparseRows(np.cumsum(lengths, dtype=np.int32), np.concatenate(token_ids), np.concatenate(values))
