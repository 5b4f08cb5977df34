"""Kept up to date token by token, the same as counted anew."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sampan.engine.seen import SeenTokens

IDS = st.lists(st.integers(0, 40), max_size=60)


@given(prompt=IDS, pieces=st.lists(IDS, max_size=6))
def test_piece_by_piece_equals_counted_anew(prompt: list[int], pieces: list[list[int]]) -> None:
    seen = SeenTokens(prompt)
    token_ids = list(prompt)
    for piece in pieces:
        token_ids += piece
        seen.update(token_ids)
        counts = Counter(token_ids[len(prompt) :])
        expected = {token_id: float(counts[token_id]) for token_id in dict.fromkeys(token_ids)}
        assert dict(zip(seen.ids.tolist(), seen.counts.tolist(), strict=True)) == expected
        assert list(expected) == seen.ids.tolist()
    assert (seen.ids.dtype, seen.counts.dtype) == (np.int32, np.float32)
