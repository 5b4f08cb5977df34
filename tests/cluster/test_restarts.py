"""When a process is started again, to the second."""

from __future__ import annotations

from sampan.cluster.restarts import MAX_IN_WINDOW, Restarts


def test_after_a_healthy_life_the_restart_is_immediate_however_often() -> None:
    restarts = Restarts()
    assert [restarts.delay(3.0 * i, ready_since=3.0 * i - 2.0) for i in range(200)] == [0.0] * 200


def test_failing_at_once_waits_longer_and_longer_and_then_gives_up() -> None:
    restarts = Restarts()
    restarts.delay(-10.0, ready_since=-20.0)
    delays = [restarts.delay(10.0 * i, ready_since=None) for i in range(7)]
    assert delays == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, None]


def test_what_was_never_ready_gets_fewer_attempts() -> None:
    restarts = Restarts()
    assert [restarts.delay(10.0 * i, ready_since=None) for i in range(3)] == [0.0, 0.1, None]
    assert not restarts.is_proven


def test_ready_for_a_moment_only_is_failing_at_once() -> None:
    restarts = Restarts()
    assert [restarts.delay(10.0 * i, ready_since=10.0 * i - 0.9) for i in range(3)] == [0.0, 0.1, 0.2]


def test_one_healthy_life_makes_up_for_failures() -> None:
    restarts = Restarts()
    lives = enumerate([None, None, 20.0, None, None, None], 1)
    assert [restarts.delay(10.0 * i, ready_since=ready) for i, ready in lives] == [0.0, 0.1, 0.0, 0.0, 0.1, 0.2]


def test_too_many_in_a_minute_are_too_many_even_if_healthy() -> None:
    restarts = Restarts()
    delays = [restarts.delay(1.5 * i, ready_since=1.5 * i - 1.2) for i in range(MAX_IN_WINDOW + 1)]
    assert delays == [0.0] * MAX_IN_WINDOW + [None]
