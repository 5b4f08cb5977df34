"""The learning rate over a run: linear warm-up, then half a cosine (SGDR, arXiv:1608.03983, without restarts)."""

from __future__ import annotations

import math


def learning_rate_at(step: int, *, peak: float, num_steps: int, warmup_steps: int, final_ratio: float) -> float:
    """Learning rate of `step` (from 0). It reaches `peak` at `warmup_steps` and `peak * final_ratio` at `num_steps`."""
    if step < warmup_steps:
        return peak * (step + 1) / (warmup_steps + 1)
    progress = min(1.0, (step - warmup_steps) / max(1, num_steps - warmup_steps))
    return peak * (final_ratio + (1.0 - final_ratio) * 0.5 * (1.0 + math.cos(math.pi * progress)))
