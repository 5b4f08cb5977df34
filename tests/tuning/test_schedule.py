"""The learning rate, point by point."""

from __future__ import annotations

import pytest

from sampan.tuning import learning_rate_at


def rate(step: int) -> float:
    return learning_rate_at(step, peak=1.0, num_steps=110, warmup_steps=10, final_ratio=0.1)


def test_warm_up_is_linear_and_never_zero() -> None:
    assert [rate(step) for step in (0, 4, 9)] == pytest.approx([1 / 11, 5 / 11, 10 / 11])


def test_the_cosine_runs_from_the_peak_to_the_final_ratio() -> None:
    assert [rate(step) for step in (10, 60, 110)] == pytest.approx([1.0, 0.55, 0.1])


def test_beyond_the_end_the_rate_stays() -> None:
    assert rate(500) == pytest.approx(0.1)


def test_without_warm_up_the_first_step_has_the_peak() -> None:
    assert learning_rate_at(0, peak=2.0, num_steps=5, warmup_steps=0, final_ratio=0.0) == 2.0
