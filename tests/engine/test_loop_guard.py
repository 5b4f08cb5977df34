"""Constructed cycles, and texts that only look like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.engine.loop_guard import MAX_PERIOD, MIN_REPEATS, MIN_TOKENS, WINDOW, find_cycle


def span_of(period: int) -> int:
    return max(MIN_TOKENS, MIN_REPEATS * period)


def round_of(period: int) -> list[int]:
    """Tokens that do not repeat, but for a common one at both ends where there is room."""
    return [7, *range(100, 100 + period - 2), 7] if period > 3 else list(range(period))


@pytest.mark.parametrize("period", [1, 2, 3, 50, 63, 64, 65, 200, MAX_PERIOD])
def test_a_cycle_is_found_when_it_has_gone_round_often_enough(period: int) -> None:
    before = list(range(50_000, 50_300))
    text = before + round_of(period) * (WINDOW // period + 2)
    assert find_cycle(text[: len(before) + span_of(period)]) == period
    assert find_cycle(text) == period
    assert find_cycle(text[: len(before) + span_of(period) - 2]) == 0


@pytest.mark.parametrize("period", [5, 200])
def test_one_other_token_breaks_it(period: int) -> None:
    text = round_of(period) * (span_of(period) // period + 1)
    assert find_cycle(text) == period
    text[-span_of(period)] += 1
    assert find_cycle(text) == 0


def test_longer_cycles_and_shorter_texts_are_none() -> None:
    assert find_cycle(round_of(MAX_PERIOD + 1) * 6) == 0
    assert find_cycle([7] * (MIN_TOKENS - 1)) == 0
    assert find_cycle([7] * MIN_TOKENS) == 1
    assert find_cycle([]) == 0


def test_a_list_that_counts_is_no_cycle() -> None:
    assert find_cycle([token for number in range(400) for token in (11, 12, 1000 + number, 13)]) == 0


@given(st.lists(st.integers(0, 2), min_size=1, max_size=70), st.lists(st.integers(0, 2), max_size=40))
def test_it_is_the_shortest_period(one_round: list[int], before: list[int]) -> None:
    text = before + one_round * (2 * MIN_TOKENS // len(one_round) + MIN_REPEATS)
    periods = range(1, len(one_round) + 1)
    assert find_cycle(text) == next(p for p in periods if text[-span_of(p) + p :] == text[-span_of(p) : -p])
