"""Writes a step's masks while the backend computes its logits."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from sampan.backends.base import TokenMasks, UInt32Array
from sampan.engine.structured.matcher import AnswerMatcher


@dataclass(frozen=True, slots=True)
class Positions:
    """Where one request draws in a step: behind its tokens, and behind each of its drafts.

    Args:
        matcher: None where every token may come.
        token_ids: prompt and output.
        drafts: tokens that may come next.
    """

    matcher: AnswerMatcher | None
    token_ids: Sequence[int]
    drafts: Sequence[int] = ()


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
        rows: list[int] = []
        jobs: list[tuple[Positions, slice]] = []
        num_masks = 0
        for request in requests:
            num_positions = len(request.drafts) + 1
            matcher = request.matcher
            num_free = num_positions if matcher is None else matcher.num_free(request.token_ids, request.drafts)
            num_masked = num_positions - num_free
            rows += [-1] * num_free + list(range(num_masks, num_masks + num_masked))
            if num_masked:
                jobs.append((request, slice(num_masks, num_masks + num_masked)))
                num_masks += num_masked
        if not jobs:
            return None
        bits = np.empty((num_masks, self._num_words), np.uint32)
        written: Future[None] = self._executor.submit(_write_all, bits, jobs)
        return TokenMasks(np.array(rows, np.int32), bits, written.result)


def _write_all(bits: UInt32Array, jobs: Sequence[tuple[Positions, slice]]) -> None:
    for request, rows in jobs:
        assert request.matcher is not None
        request.matcher.write(bits[rows], request.token_ids, request.drafts)
