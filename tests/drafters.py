"""Drafters that know how a request goes on, and say so or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from random_model import VOCAB
from sampan.engine.request import Request


class Foreseeing:
    """Drafts what `draft` makes of the tokens that will really follow.

    Args:
        futures: the output of each request id.
        draft: gets the next tokens, returns the drafts.
    """

    def __init__(self, futures: Mapping[str, Sequence[int]], draft: Callable[[list[int]], list[int]]) -> None:
        self._futures, self._draft = futures, draft
        self.learned: list[tuple[str, int, int]] = []
        self.steps: list[int] = []

    def propose(self, request: Request, limit: int, num_rows: int) -> list[int]:
        done = request.num_output_tokens
        return self._draft(list(self._futures[request.request_id][done : done + 8]))[:limit]

    def learn(self, request: Request, num_drafted: int, num_accepted: int) -> None:
        self.learned.append((request.request_id, num_drafted, num_accepted))

    def observe_step(self, num_rows: int, seconds: float) -> None:
        self.steps.append(num_rows)


def right(following: list[int]) -> list[int]:
    return following


def wrong(following: list[int]) -> list[int]:
    return [(token + 1) % VOCAB for token in following]


def wandering(seed: int) -> Callable[[list[int]], list[int]]:
    """Right for a while, then wrong, then right again; or nothing, or anything."""
    rng = np.random.default_rng(seed)

    def draft(following: list[int]) -> list[int]:
        kind = rng.integers(4)
        if kind == 0:
            return []
        if kind == 1:
            return [int(token) for token in rng.integers(0, VOCAB, size=int(rng.integers(1, 9)))]
        if following and kind == 2:
            following[int(rng.integers(len(following)))] = int(rng.integers(VOCAB))
        return following[: int(rng.integers(1, 9))]

    return draft
