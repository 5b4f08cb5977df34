"""Log-probabilities as plain numbers."""

from __future__ import annotations

from sampan.backends.base import TokenLogprobs
from sampan.server.openai.logprobs import LOWEST


def scores(entry: TokenLogprobs) -> list[tuple[int, float]]:
    """Ids and log-probabilities, the drawn token's first."""
    values = zip(entry.token_ids.tolist(), entry.logprobs.tolist(), strict=True)
    return [(token_id, max(value, LOWEST)) for token_id, value in values]
