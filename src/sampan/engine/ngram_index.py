"""Where the last tokens stood before: the source of prompt-lookup drafts (Saxena 2023; LLMA, arXiv:2304.04487).

Chains of thought, edits of code and answers that quote their context repeat what is already there. So what followed
the last tokens the last time is a good guess at what follows now, and it costs no second model.
"""

from __future__ import annotations

from collections.abc import Sequence

_ID_BITS = 23  # wider than any vocabulary (`config.SIZE_LIMITS`)
_TWO = (1 << 2 * _ID_BITS) - 1
_ONE = (1 << _ID_BITS) - 1


class NgramIndex:
    """Of one request's tokens. It remembers where each two and three tokens stood last and follows a match as long as
    it holds; so a token costs the same however long the text is, and nothing is ever searched."""

    def __init__(self) -> None:
        self._pairs: dict[int, int] = {}
        self._triples: dict[int, int] = {}
        self._num_indexed = 0
        self._recent = _TWO  # the last three ids in one number; at first none that there are
        self._source = -1  # index of the token that followed the match
        self.match_length = 0  # tokens before it that equal the last ones; 0 where there is no match

    def advance(self, token_ids: Sequence[int]) -> None:
        """Takes in the tokens that are new since the last call."""
        pairs, triples, recent, source = self._pairs, self._triples, self._recent, self._source
        for index in range(self._num_indexed, len(token_ids)):
            token_id = token_ids[index]
            recent = (recent & _TWO) << _ID_BITS | token_id
            pair = recent & _TWO
            if source >= 0 and token_ids[source] == token_id:
                source += 1
                self.match_length += 1
            elif (known := triples.get(recent)) is not None:
                source, self.match_length = known, 3
            elif (known := pairs.get(pair)) is not None:
                source, self.match_length = known, 2
            else:
                source, self.match_length = -1, 0
            pairs[pair] = triples[recent] = index + 1
        self._num_indexed, self._recent, self._source = len(token_ids), recent, source

    def propose(self, token_ids: Sequence[int], limit: int) -> list[int]:
        """At most `limit` tokens that followed the last ones before. Where the source runs into the end of the text,
        the text goes round: that is what a repetition does."""
        if self._source < 0:
            return []
        period = len(token_ids) - self._source
        return [token_ids[self._source + index % period] for index in range(limit)]
