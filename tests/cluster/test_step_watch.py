"""How long a step may take."""

from __future__ import annotations

import pytest

from sampan.cluster.step_watch import longest_legal_step


@pytest.mark.parametrize(
    ("num_tokens", "fastest", "limit"),
    [
        (512, None, 600.0),  # nothing is known yet
        (1, 0.0005, 10.002),  # the embedded model decodes
        (512, 0.0005, 11.024),  # and takes in a prompt
        (64, 0.5, 138.0),  # 70 billion weights decode for 64
        (512, 0.5, 1034.0),  # and take in a prompt, which is 72 s of work
        (0, 0.5, 12.0),
    ],
)
def test_the_limit_follows_the_work(num_tokens: int, fastest: float | None, limit: float) -> None:
    assert longest_legal_step(num_tokens, fastest) == pytest.approx(limit)
