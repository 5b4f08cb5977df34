"""Speculative decoding: how many drafts to verify, and whether any.

Drafts are further tokens of a request's row. Each position is drawn with its own random number, as it would have been
alone, and counts as long as the drafts before it were right; so speculation changes when tokens come, never which.
What it costs is the step's further rows, what it brings depends on how often drafts are right. Both are measured, and
a draft is sent only where it pays: none on a batch that is busy with arithmetic already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from weakref import WeakKeyDictionary

from sampan.engine.ngram_index import NgramIndex
from sampan.engine.request import Request
from sampan.engine.step_cost import StepCost

MAX_DRAFT_TOKENS = 16  # of one request in one step
MIN_GAIN = 1.05  # how much faster drafts must promise to be: measurements are noisy
MIN_TRIAL = 4  # drafts of all requests together that are always permitted; else up to twice a step's usual rows
_MATCH_LENGTHS = (3, 5, 9)  # longer matches are right more often: classes of up to 2, 4, 8 tokens, and beyond
_FIRST_GUESSES = (0.3, 0.5, 0.7, 0.8)
_GUESS_WEIGHT = 4.0  # drafts that a first guess counts for
_MEMORY = 0.9  # of a verification, each later one


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
        self._lookups: WeakKeyDictionary[Request, _Lookup] = WeakKeyDictionary()
        self._step_cost = StepCost()

    def propose(self, request: Request, limit: int, num_rows: int) -> Sequence[int]:
        share = self._step_cost.share(num_rows)
        if draft_length(1.0, share, 1) == 0:
            return ()
        lookup = self._lookups.get(request)
        if lookup is None:
            lookup = self._lookups[request] = _Lookup()
        rate = lookup.look(request.token_ids)
        trial = max(MIN_TRIAL, int(2.0 * self._step_cost.mean_rows)) // num_rows
        length = draft_length(rate, share, min(limit, MAX_DRAFT_TOKENS, max(trial, 1)))
        return lookup.index.propose(request.token_ids, length)

    def learn(self, request: Request, num_drafted: int, num_accepted: int) -> None:
        self._lookups[request].learn(num_drafted, num_accepted)

    def observe_step(self, num_rows: int, seconds: float) -> None:
        self._step_cost.observe(num_rows, seconds)


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


class _Lookup:
    """One request's index, and how often it was right: a decaying average for each class of match lengths."""

    def __init__(self) -> None:
        self.index = NgramIndex()
        self._right = [guess * _GUESS_WEIGHT for guess in _FIRST_GUESSES]
        self._tried = [_GUESS_WEIGHT] * len(_FIRST_GUESSES)
        self._match_length = 0  # of the last guess, and how many tokens there were
        self._num_tokens = 0
        self._was_verified = True

    def look(self, token_ids: Sequence[int]) -> float:
        """Takes in what is new; returns how probably the guess at the next token is right, 0 where there is none."""
        self.index.advance(token_ids)
        match_length = self.index.match_length
        if not self._was_verified and self._match_length and len(token_ids) == self._num_tokens + 1:
            # What was not worth a draft is watched all the same; that costs nothing and may show that it is worth one.
            self._count(1, int(match_length > self._match_length))
        self._match_length, self._num_tokens, self._was_verified = match_length, len(token_ids), False
        if not match_length:
            return 0.0
        kind = _class_of(match_length)
        return self._right[kind] / self._tried[kind]

    def learn(self, num_drafted: int, num_accepted: int) -> None:
        """Takes in a verification. Drafts behind the first wrong one were not tried."""
        self._was_verified = True
        self._count(min(num_accepted + 1, num_drafted), num_accepted)

    def _count(self, num_tried: int, num_right: int) -> None:
        kind = _class_of(self._match_length)
        self._right[kind] = self._right[kind] * _MEMORY + num_right
        self._tried[kind] = self._tried[kind] * _MEMORY + num_tried


def _class_of(match_length: int) -> int:
    return sum(match_length >= bound for bound in _MATCH_LENGTHS)
