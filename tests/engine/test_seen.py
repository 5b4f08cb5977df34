"""Kept up to date token by token, the same as counted anew."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sampan.engine.seen import SeenTokens

IDS = st.lists(st.integers(0, 40), max_size=60)


@given(prompt=IDS, pieces=st.lists(IDS, max_size=6), drafts=IDS)
def test_piece_by_piece_equals_counted_anew(prompt: list[int], pieces: list[list[int]], drafts: list[int]) -> None:
    seen = SeenTokens(prompt)
    token_ids = list(prompt)
    for piece in [[], *pieces]:
        token_ids += piece
        seen.update(token_ids)
        assert rows(seen) == counted(prompt, token_ids)
        assert rows(seen, drafts) == counted(prompt, token_ids + drafts)  # nothing is kept of them
        assert rows(seen) == counted(prompt, token_ids)


def rows(seen: SeenTokens, drafts: list[int] | None = None) -> list[tuple[int, float]]:
    ids, counts = seen.rows(drafts or ())
    assert (ids.dtype, counts.dtype) == (np.int32, np.float32)
    return list(zip(ids.tolist(), counts.tolist(), strict=True))


def counted(prompt: list[int], token_ids: list[int]) -> list[tuple[int, float]]:
    counts = Counter(token_ids[len(prompt) :])
    return [(token_id, float(counts[token_id])) for token_id in dict.fromkeys(token_ids)]
