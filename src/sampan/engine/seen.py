"""Which ids a request has seen, kept up to date token by token: what penalties are about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampan.backends.base import Float32Array, Int32Array


class SeenTokens:
    """Ids of prompt and output, each once, in the order of their first use, with their number in the output.

    A step adds a token or a few, so that a long context costs nothing anew.
    """

    def __init__(self, prompt_token_ids: Sequence[int]) -> None:
        self._rows = {token_id: row for row, token_id in enumerate(dict.fromkeys(prompt_token_ids))}
        self._num_taken = len(prompt_token_ids)
        self._ids = np.fromiter(self._rows, np.int32, len(self._rows))
        self._counts = np.zeros(len(self._rows), np.float32)

    def update(self, token_ids: Sequence[int]) -> None:
        """Takes in what has been drawn since the last time.

        Args:
            token_ids: of the whole request, prompt and output.
        """
        for token_id in token_ids[self._num_taken :]:
            row = self._rows.setdefault(token_id, len(self._rows))
            if row == len(self._ids):
                self._ids, self._counts = (_doubled(values) for values in (self._ids, self._counts))
            self._ids[row] = token_id
            self._counts[row] += 1
        self._num_taken = len(token_ids)

    @property
    def ids(self) -> Int32Array:
        """[N]"""
        return self._ids[: len(self._rows)]

    @property
    def counts(self) -> Float32Array:
        """[N]; 0 for what is only in the prompt."""
        return self._counts[: len(self._rows)]


def _doubled(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, np.zeros(max(len(values), 16), values.dtype)])
