"""What a refused client is told."""

from __future__ import annotations

import pytest

from sampan.engine.drain_rate import DrainRate


def test_the_wait_is_what_waits_over_the_measured_speed() -> None:
    rate = DrainRate()
    for _ in range(100):
        rate.observe(5, 0.01)  # 500 tokens a second
    assert rate.retry_after(5000) == pytest.approx(10.0)


def test_before_anything_is_known_and_where_nothing_moves() -> None:
    rate = DrainRate()
    assert rate.retry_after(10**6) == 1.0
    rate.observe(0, 5.0)
    assert rate.retry_after(1) == 5.0
    rate.observe(0, 500.0)
    assert rate.retry_after(1) == 60.0


def test_bounds() -> None:
    rate = DrainRate()
    rate.observe(100, 1.0)
    assert rate.retry_after(10) == 1.0
    assert rate.retry_after(10**6) == 60.0


def test_the_last_half_minute_counts_most() -> None:
    rate = DrainRate()
    for _ in range(600):
        rate.observe(10, 1.0)
    for _ in range(120):
        rate.observe(100, 1.0)
    assert rate.retry_after(1000) == pytest.approx(10.0, rel=0.05)
