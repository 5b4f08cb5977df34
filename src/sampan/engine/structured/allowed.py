"""A request whose tokens all come from a list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampan.backends.base import UInt32Array


class AllowedTokens:
    """Stands where an `AnswerMatcher` would: the same mask at every position, of the thought as well.

    Args:
        token_ids: those that may be drawn.
        vocab_size: tokens that a mask speaks of.
    """

    failed = False

    def __init__(self, token_ids: Sequence[int], vocab_size: int) -> None:
        self._mask = np.zeros(-(-vocab_size // 32), np.uint32)
        for token_id in token_ids:
            self._mask[token_id // 32] |= np.uint32(1 << token_id % 32)

    def num_free(self, token_ids: Sequence[int], drafts: Sequence[int] = ()) -> int:
        """None of the positions is."""
        return 0

    def write(self, bits: UInt32Array, token_ids: Sequence[int], drafts: Sequence[int] = ()) -> None:
        """Writes the masks `bits` [m, words]."""
        bits[:] = self._mask
