"""The index against a search through the whole text."""

from __future__ import annotations

from itertools import cycle, islice

from hypothesis import given
from hypothesis import strategies as st

from sampan.engine.ngram_index import NgramIndex


def followed_before(tokens: list[int], length: int) -> int | None:
    """Index of what followed the last `length` tokens the last time."""
    for end in range(len(tokens) - 1, length - 1, -1):
        if tokens[end - length : end] == tokens[-length:]:
            return end
    return None


texts = st.lists(st.integers(0, 4), min_size=1, max_size=80)


@given(texts, st.integers(1, 9))
def test_a_draft_continues_an_earlier_occurrence(tokens: list[int], limit: int) -> None:
    index = NgramIndex()
    index.advance(tokens)
    drafts = index.propose(tokens, limit)
    if followed_before(tokens, 2) is None and index.match_length < 2:
        assert drafts == []
        return
    assert index.match_length >= 2
    assert len(drafts) == limit
    matched = tokens[-index.match_length :]
    sources = [end for end in range(len(matched), len(tokens)) if tokens[end - len(matched) : end] == matched]
    continued = [list(islice(cycle(tokens[source:]), limit)) for source in sources]
    assert drafts in continued


@given(texts, st.lists(st.integers(1, 20), min_size=1))
def test_all_at_once_or_in_pieces(tokens: list[int], pieces: list[int]) -> None:
    whole, piecewise = NgramIndex(), NgramIndex()
    whole.advance(tokens)
    end = 0
    for piece in pieces:
        end = min(end + piece, len(tokens))
        piecewise.advance(tokens[:end])
    piecewise.advance(tokens)
    assert piecewise.match_length == whole.match_length
    assert piecewise.propose(tokens, 8) == whole.propose(tokens, 8)


def test_it_follows_a_match_and_prefers_three_tokens_to_two() -> None:
    index = NgramIndex()
    tokens = [1, 2, 3, 4, 9, 9, 2, 3, 5]
    index.advance(tokens)
    assert index.propose(tokens, 3) == []  # 3, 5 is new
    index.advance([*tokens, 1, 2, 3])
    assert (index.propose([*tokens, 1, 2, 3], 3), index.match_length) == ([4, 9, 9], 3)
    tokens = [*tokens, 1, 2, 3, 4, 9]
    index.advance(tokens)
    assert (index.propose(tokens, 3), index.match_length) == ([9, 2, 3], 5)


def test_a_draft_of_a_repetition_goes_round() -> None:
    index = NgramIndex()
    tokens = [7, 1, 2, 3, 1, 2, 3]
    index.advance(tokens)
    assert index.propose(tokens, 8) == [1, 2, 3, 1, 2, 3, 1, 2]
