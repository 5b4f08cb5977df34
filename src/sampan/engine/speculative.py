"""Speculative decoding: how many drafts to verify, and whether any.

Drafts are further tokens of a request's row. Each position is drawn with its own random number, as it would have been
alone, and counts as long as the drafts before it were right; so speculation changes when tokens come, never which.
What it costs is the step's further rows, what it brings depends on how often drafts are right. Both are measured, and
a draft is sent only where it pays: none on a batch that is busy with arithmetic already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sampan.engine.lookup import Lookup
from sampan.engine.request import Request
from sampan.engine.step_cost import StepCost

MAX_DRAFT_TOKENS = 16  # of one request in one step
MIN_GAIN = 1.05  # how much faster drafts must promise to be: measurements are noisy
MIN_TRIAL = 4  # drafts of all requests together that are always permitted; else up to twice a step's usual rows


class Drafter(Protocol):
    """Guesses what comes next."""

    def propose(self, request: Request, limit: int, num_rows: int) -> Sequence[int]:
        """At most `limit` tokens that may follow, in a step that computes `num_rows` tokens without drafts."""

    def learn(self, request: Request, num_drafted: int, num_accepted: int) -> None:
        """Is told how many of the proposed tokens were right."""

    def observe_step(self, num_rows: int, seconds: float) -> None:
        """Is told how long a step took that did nothing but decode, and how many tokens it computed, drafts
        included."""


class NgramDrafter:
    """Prompt lookup, as far as it pays."""

    def __init__(self) -> None:
        self._step_cost = StepCost()
        self._shares: dict[int, float] = {}  # of the cost, by rows, since the last step

    def propose(self, request: Request, limit: int, num_rows: int) -> Sequence[int]:
        share = self._shares.get(num_rows)
        if share is None:
            share = self._shares[num_rows] = self._step_cost.share(num_rows)
        if (1.0 + share) * MIN_GAIN >= 2.0:  # not even a draft that is surely right pays
            return ()
        lookup = request.lookup
        if lookup is None:
            lookup = request.lookup = Lookup()
        rate = lookup.look(request.token_ids)
        if rate == 0.0:
            return ()
        trial = max(MIN_TRIAL, int(2.0 * self._step_cost.mean_rows)) // num_rows
        length = draft_length(rate, share, min(limit, MAX_DRAFT_TOKENS, max(trial, 1)))
        return lookup.index.propose(request.token_ids, length) if length else ()

    def learn(self, request: Request, num_drafted: int, num_accepted: int) -> None:
        if request.lookup is not None:
            request.lookup.learn(num_drafted, num_accepted)

    def observe_step(self, num_rows: int, seconds: float) -> None:
        self._step_cost.observe(num_rows, seconds)
        self._shares.clear()


def draft_length(rate: float, share: float, limit: int) -> int:
    """The number of drafts that brings most tokens a second; 0 where none is worth the trouble.

    Args:
        rate: of drafts that are right; `length` of them bring `1 + rate + ... + rate ** length` tokens.
        share: see `StepCost.share`; they take `1 + share * length` times as long.
        limit: most drafts.
    """
    best, length, tokens, right = MIN_GAIN, 0, 1.0, 1.0
    for count in range(1, limit + 1):
        right *= rate
        tokens += right
        gain = tokens / (1.0 + share * count)
        if gain > best:
            best, length = gain, count
        elif length:
            break
    return length
