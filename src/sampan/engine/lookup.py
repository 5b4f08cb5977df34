"""What one request's text says about its next tokens, and how often it was right."""

from __future__ import annotations

from collections.abc import Sequence

from sampan.engine.ngram_index import NgramIndex

MATCH_LENGTHS = (3, 5, 9)  # longer matches are right more often: classes of up to 2, 4, 8 tokens, and beyond
FIRST_GUESSES = (0.3, 0.5, 0.7, 0.8)
GUESS_WEIGHT = 4.0  # drafts that a first guess counts for
MEMORY = 0.9  # of a verification, each later one


class Lookup:
    """One request's index, and how often it was right: a decaying average for each class of match lengths."""

    def __init__(self) -> None:
        self.index = NgramIndex()
        self._right = [guess * GUESS_WEIGHT for guess in FIRST_GUESSES]
        self._tried = [GUESS_WEIGHT] * len(FIRST_GUESSES)
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
        self._right[kind] = self._right[kind] * MEMORY + num_right
        self._tried[kind] = self._tried[kind] * MEMORY + num_tried


def _class_of(match_length: int) -> int:
    return sum(match_length >= bound for bound in MATCH_LENGTHS)
