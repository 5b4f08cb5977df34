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

    def rows(self, drafts: Sequence[int] = ()) -> tuple[Int32Array, Float32Array]:
        """Ids [N] and counts [N], 0 for what is only in the prompt; as if `drafts` had been drawn as well."""
        ids, counts = self._ids[: len(self._rows)], self._counts[: len(self._rows)]
        if not drafts:
            return ids, counts
        counts = counts.copy()
        new: dict[int, float] = {}
        for token_id in drafts:
            if token_id in self._rows:
                counts[self._rows[token_id]] += 1
            else:
                new[token_id] = new.get(token_id, 0.0) + 1
        new_ids, new_counts = np.fromiter(new, np.int32, len(new)), np.fromiter(new.values(), np.float32, len(new))
        return np.concatenate([ids, new_ids]), np.concatenate([counts, new_counts])


def _doubled(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, np.zeros(max(len(values), 16), values.dtype)])
