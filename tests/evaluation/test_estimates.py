from __future__ import annotations

import numpy as np
import pytest

from sampan.evaluation.estimates import Estimate, mean_of


def test_the_mean_is_over_positions_and_not_over_groups():
    assert mean_of([2.0, 30.0], [1, 3]).value == 8.0


def test_an_interval_is_the_same_every_time_and_holds_its_value():
    sums = np.random.default_rng(1).gamma(1.0, size=50)
    estimate = mean_of(sums, np.ones(50))
    assert estimate == mean_of(sums, np.ones(50))
    assert estimate.low < estimate.value < estimate.high


def test_what_never_varies_is_sure():
    assert mean_of([3.0] * 5, [1] * 5) == Estimate(3.0, 3.0, 3.0)
    assert mean_of([3.0], [2]) == Estimate(1.5, 1.5, 1.5)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(100):
        estimate = mean_of(rng.normal(7.0, 2.0, size=40), np.ones(40))
        held += estimate.low <= 7.0 <= estimate.high
    assert 87 <= held <= 100


def test_a_rising_function_keeps_the_order():
    assert Estimate(0.0, 0.0, 0.01).map(np.expm1, 100.0) == pytest.approx((0.0, 0.0, 1.005016708))
