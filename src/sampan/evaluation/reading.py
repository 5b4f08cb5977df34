"""What a reference thought of every position of the passages, kept on disk, and how far another model is from it.

The two are never in memory together: the reference reads first and its outlines go to temporary files; then it makes
room for the other, which is compared position by position while it reads.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sampan.engine import LLM
from sampan.evaluation.divergence import (
    Float32Array,
    Float64Array,
    Int32Array,
    Outline,
    kl_divergence,
    most_probable,
    token_losses,
)
from sampan.evaluation.teacher_forcing import read_logits

Step = Callable[[int, int], None]

OUTLINE_BYTES = 256 * 2**20  # of an evaluation's outlines on disk ...
LEAST_TOKENS = 1024  # ... but never fewer tokens of a position than this


@dataclass(frozen=True, slots=True)
class Passage:
    """Tokens that are read; rows from `first_row` on count. What is before them is a prompt."""

    domain: str
    token_ids: tuple[int, ...]
    first_row: int = 0

    @property
    def num_positions(self) -> int:
        """Rows with a next token."""
        return len(self.token_ids) - 1 - self.first_row


@dataclass(frozen=True, slots=True)
class Reading:
    """What one model thought of the `P` positions of all passages."""

    top_tokens: Int32Array  # [P]; the most probable one
    top_logprobs: Float64Array  # [P]; its log-probability
    losses: Float64Array  # [P]; -log of the probability of the token that follows, in nats
    tokens_per_s: float  # with the logits of every position

    @classmethod
    def empty(cls, count: int) -> Reading:
        """To be written to."""
        return cls(np.empty(count, np.int32), np.empty(count), np.empty(count), 0.0)


@dataclass(frozen=True, slots=True)
class ReferenceReading:
    """A reading, with the outlines [P, K] of its distributions in mapped files."""

    reading: Reading
    token_ids: Int32Array
    logits: Float32Array
    log_total: Float64Array
    log_rest: Float64Array

    def outline(self, span: slice) -> Outline:
        """Of some positions."""
        return Outline(self.token_ids[span], self.logits[span], self.log_total[span], self.log_rest[span])


def make_outlines(num_positions: int, vocab_size: int) -> ReferenceReading:
    """Room for a reference's reading, in two files without a name that are gone when nobody uses them: all of a small
    vocabulary, the most probable tokens of a large one.

    Raises:
        OSError: the disk has no room for them.
    """
    affordable = OUTLINE_BYTES // (8 * max(num_positions, 1))
    shape = (num_positions, min(max(affordable, LEAST_TOKENS), vocab_size))
    ids, logits = (_mapped(dtype, shape) for dtype in (np.int32, np.float32))
    return ReferenceReading(Reading.empty(num_positions), ids, logits, np.empty(num_positions), np.empty(num_positions))


def _mapped(dtype: type[np.generic], shape: tuple[int, int]) -> np.memmap[Any, Any]:
    with tempfile.TemporaryFile(prefix="sampan-eval-") as file:
        # Writing to a mapped file for which the disk has no room would end the process.
        os.posix_fallocate(file.fileno(), 0, max(shape[0] * shape[1] * np.dtype(dtype).itemsize, 1))
        return np.memmap(file, dtype, "r+", shape=shape)


def read_reference(llm: LLM, passages: Sequence[Passage], into: ReferenceReading, step: Step) -> Reading:
    """Reads all passages and fills `into`."""
    reading = into.reading

    def take(span: slice, logits: Float32Array, following: Int32Array) -> None:
        outline = Outline.of(logits, most_probable(logits, into.token_ids.shape[1]))
        into.token_ids[span], into.logits[span] = outline.token_ids, outline.logits
        into.log_total[span], into.log_rest[span] = outline.log_total, outline.log_rest
        reading.top_tokens[span] = outline.token_ids[:, 0]
        reading.top_logprobs[span] = outline.logits[:, 0] - outline.log_total
        reading.losses[span] = token_losses(logits, outline.log_total, following)

    return replace(reading, tokens_per_s=_read(llm, passages, take, step))


def read_candidate(
    llm: LLM, passages: Sequence[Passage], reference: ReferenceReading, step: Step
) -> tuple[Reading, Float64Array]:
    """Reads all passages: what it thought, and KL(reference || it) [P] in nats."""
    count = len(reference.log_total)
    reading, kl = Reading.empty(count), np.empty(count)

    def take(span: slice, logits: Float32Array, following: Int32Array) -> None:
        expected = reference.outline(span)
        outline = Outline.of(logits, expected.token_ids)
        kl[span] = kl_divergence(expected, outline)
        top = logits.argmax(axis=-1)
        reading.top_tokens[span] = top
        reading.top_logprobs[span] = logits[np.arange(len(top)), top] - outline.log_total
        reading.losses[span] = token_losses(logits, outline.log_total, following)

    return replace(reading, tokens_per_s=_read(llm, passages, take, step)), kl


def _read(
    llm: LLM, passages: Sequence[Passage], take: Callable[[slice, Float32Array, Int32Array], None], step: Step
) -> float:
    """Hands out logits and the tokens that follow, some positions at a time; returns tokens a second, without what is
    done with them."""
    loaded, total = llm.loaded, sum(passage.num_positions for passage in passages)
    position, seconds, num_tokens = 0, 0.0, 0
    for passage in passages:
        following = np.array(passage.token_ids[passage.first_row + 1 :], np.int32)
        parts = read_logits(loaded.backend, passage.token_ids, passage.first_row, vocab_size=loaded.engine.vocab_size)
        begin, done = time.perf_counter(), 0
        for logits in parts:
            seconds += time.perf_counter() - begin
            take(slice(position, position + len(logits)), logits, following[done : done + len(logits)])
            position, done = position + len(logits), done + len(logits)
            step(position, total)
            begin = time.perf_counter()
        num_tokens += len(passage.token_ids) - 1
    return num_tokens / max(seconds, 1e-9)
