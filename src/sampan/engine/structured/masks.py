"""Writes a step's masks while the backend computes its logits."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from sampan.backends.base import TokenMasks, UInt32Array
from sampan.engine.structured.allowed import AllowedTokens
from sampan.engine.structured.matcher import AnswerMatcher


@dataclass(slots=True)
class Positions:
    """Where one request draws in a step: behind its tokens, and behind each of its drafts. Not frozen: that costs half
    a microsecond.

    Args:
        matcher: None where every token may come.
        token_ids: prompt and output.
        drafts: tokens that may come next.
        num_forced: positions, the first ones, whose token is given.
    """

    matcher: AnswerMatcher | AllowedTokens | None
    token_ids: Sequence[int]
    drafts: Sequence[int] = ()
    num_forced: int = 0

    def num_free(self) -> int:
        """Positions, the first ones, that no matcher has to do with; what is forced is not its matter."""
        num_positions = len(self.drafts) + 1
        if self.matcher is None:
            return num_positions
        return max(self.matcher.num_free(self.token_ids, self.drafts), min(self.num_forced, num_positions))

    def write(self, bits: UInt32Array) -> None:
        """The masks of the positions that are not free."""
        if self.matcher is not None:
            self.matcher.write(bits, self.token_ids, self.drafts)


class MaskWriter:
    """One for each engine.

    Args:
        vocab_size: tokens that a mask speaks of.
    """

    def __init__(self, vocab_size: int) -> None:
        self._num_words = -(-vocab_size // 32)
        self._executor = ThreadPoolExecutor(1, "sampan-masks")

    def begin(self, requests: Sequence[Positions]) -> TokenMasks | None:
        """The masks of all positions, in order; None where every token may come everywhere. Until `ready` has returned,
        the tokens of the requests must stay as they are."""
        if not any([request.matcher is not None for request in requests]):
            return None
        rows: list[int] = []
        jobs: list[tuple[Positions, slice]] = []
        num_masks = 0
        for request in requests:
            num_free, num_positions = request.num_free(), len(request.drafts) + 1
            begin, num_masks = num_masks, num_masks + num_positions - num_free
            rows += [*[-1] * num_free, *range(begin, num_masks)]
            if begin < num_masks:
                jobs.append((request, slice(begin, num_masks)))
        bits = np.zeros((num_masks, self._num_words), np.uint32)
        masks = TokenMasks(np.array(rows, np.int32), bits)
        return replace(masks, ready=self._executor.submit(_write_all, bits, jobs).result) if jobs else masks


def _write_all(bits: UInt32Array, jobs: Sequence[tuple[Positions, slice]]) -> None:
    for request, rows in jobs:
        request.write(bits[rows])
