"""What a request wants to know of its own prompt: what the model thought of each token, or what it made of the whole.

Both are read off rows of the prompt while it is computed, however it is chunked. A row that has been read is not read
again, after a preemption or in another engine either: what is before the next row may come from the prefix cache, and
what is behind must be computed.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from sampan.backends.base import Float32Array, StepOutput, TokenLogprobs
from sampan.backends.sampler import NO_TOKEN
from sampan.engine.sampling_params import SamplingParams

NO_ROWS = range(0)


class PromptPart(NamedTuple):
    """What a step told a request of its prompt: log-probabilities of further tokens, or the pooled hidden state."""

    logprobs: tuple[TokenLogprobs, ...] = ()
    pooled: Float32Array | None = None


NO_PART = PromptPart()


class PromptReading(Protocol):
    """Which rows are wanted, and how far they have been read.

    Attributes:
        next_row: the first position of the prompt that has not been read.
        end_row: the one behind the last that is.
    """

    next_row: int
    end_row: int

    def take(self, step: StepReads, rows: range) -> PromptPart | None:
        """Reads the next rows; None where the model computed NaN or Inf."""


class LogprobsReading:
    """Log-probabilities. A token's row tells of the token behind it: the first token has none, and the last row is the
    answer's."""

    def __init__(self, next_row: int, end_row: int) -> None:
        self.next_row, self.end_row = min(next_row, end_row), end_row

    def take(self, step: StepReads, rows: range) -> PromptPart | None:
        self.next_row = rows.stop
        logprobs = step.logprobs(len(rows))
        return None if logprobs is None else PromptPart(logprobs)


class PoolingReading:
    """A hidden state of length 1: of the last token, or the mean of several.

    The sum is taken in double precision and position by position, so it is the same in whatever chunks they come.
    """

    def __init__(self, next_row: int, end_row: int) -> None:
        self.next_row, self.end_row = next_row, end_row
        self._sum = np.float64(0.0)

    def take(self, step: StepReads, rows: range) -> PromptPart | None:
        self.next_row = rows.stop
        for row in step.hidden_states(len(rows)):
            self._sum = self._sum + row
        if not np.isfinite(self._sum).all():
            return None
        if self.next_row < self.end_row:
            return PromptPart()
        length = np.sqrt(np.sum(self._sum * self._sum))
        return PromptPart(pooled=np.asarray(self._sum / max(length, np.finfo(np.float64).tiny), np.float32))


def prompt_reading(params: SamplingParams, num_prompt_tokens: int, num_read: int) -> PromptReading | None:
    """What the parameters ask for; None where it is nothing.

    Args:
        num_read: log-probabilities that the client has already, from another engine.
    """
    if params.pooling is not None:
        last = num_prompt_tokens - 1
        return PoolingReading(last if params.pooling == "last" else min(params.prompt_read_start, last), last + 1)
    if params.prompt_logprobs is not None:
        first = max(params.prompt_read_start - 1, 0)
        return LogprobsReading(first + num_read, num_prompt_tokens - 1)
    return None


def rows_to_read(reading: PromptReading, first: int, count: int) -> range:
    """Of `count` positions that a step computes from `first` on, those that are to be read."""
    begin = max(first, reading.next_row)
    return range(begin, max(begin, min(first + count, reading.end_row)))


class StepReads:
    """What a step brought of prompts, given out in the order of the scheduled requests.

    Args:
        num_drawn: sampled rows that belong to answers; those of prompts stand behind them.
    """

    def __init__(self, output: StepOutput, num_drawn: int) -> None:
        self._output = output
        self._next_sample = num_drawn
        self._next_hidden = 0

    def logprobs(self, count: int) -> tuple[TokenLogprobs, ...] | None:
        """Of the next rows; None where one of them held NaN or Inf."""
        span = slice(self._next_sample, self._next_sample + count)
        self._next_sample += count
        if (self._output.token_ids[span] == NO_TOKEN).any():
            return None
        return tuple([entry for entry in self._output.logprobs[span] if entry is not None])

    def hidden_states(self, count: int) -> np.ndarray:
        """Of the next rows, [count, hidden_size]."""
        span = slice(self._next_hidden, self._next_hidden + count)
        self._next_hidden += count
        states = self._output.hidden_states
        return np.empty((0, 0)) if states is None else states[span].astype(np.float64)
