"""How many drafts are worth their cost, and that this is found out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.speculative import MAX_DRAFT_TOKENS, MIN_GAIN, NgramDrafter, draft_length
from sampan.engine.step_cost import StepCost

CYCLE = [11, 12, 13, 14, 15]


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 16))
def test_no_other_length_gains_more(rate: float, share: float, limit: int) -> None:
    def gain(length: int) -> float:
        return sum(rate**i for i in range(length + 1)) / (1 + share * length)

    length = draft_length(rate, share, limit)
    gains = [gain(count) for count in range(limit + 1)]
    if length:
        assert gains[length] == pytest.approx(max(gains))
    else:
        assert max(gains) <= MIN_GAIN + 1e-9


def test_drafts_where_rows_are_cheap_and_none_where_they_are_not() -> None:
    assert draft_length(0.9, 0.02, 16) == 16
    assert draft_length(0.9, 0.2, 16) == 7
    assert draft_length(0.5, 0.02, 16) == 4
    assert draft_length(0.05, 0.02, 16) == 0
    assert draft_length(1.0, 1.0, 16) == 0
    assert draft_length(0.99, 0.95, 16) == 0


def test_the_cost_of_a_row_is_measured() -> None:
    cost = StepCost()
    assert cost.share(16) == 0.5  # believed
    for step in range(300):
        rows = 1 + step % 7
        cost.observe(rows, 0.010 + 0.002 * rows)
    assert cost.share(1) == pytest.approx(2 / 12, rel=0.02)
    assert cost.share(8) == pytest.approx(16 / 26, rel=0.02)
    for step in range(2000):
        cost.observe(1 + step % 7, 0.010)
    assert cost.share(8) == pytest.approx(0.0, abs=0.02)


def test_a_belief_comes_back_when_the_rows_never_change_and_a_hiccup_changes_little() -> None:
    cost = StepCost()
    for step in range(300):
        cost.observe(1 + step % 7, 0.001 * (1 + step % 7))
    assert cost.share(4) > 0.95
    for _ in range(2000):
        cost.observe(4, 0.004)
    assert cost.share(4) == pytest.approx(4 / 20, rel=0.05)
    before = cost.share(4)
    cost.observe(4, 60.0)
    assert cost.share(4) == pytest.approx(before, abs=0.05)


def repeating() -> Request:
    return Request("r", CYCLE * 3, SamplingParams())


def test_drafts_grow_while_they_are_right() -> None:
    drafter, request = NgramDrafter(), repeating()
    lengths = []
    for _ in range(30):
        drafts = list(drafter.propose(request, 100, 1))
        assert drafts == (CYCLE * 5)[len(request.token_ids) % 5 :][: len(drafts)]
        lengths.append(len(drafts))
        drafter.observe_step(1 + len(drafts), 0.010 + 0.0001 * len(drafts))
        drafter.learn(request, len(drafts), len(drafts))
        request.token_ids += (CYCLE * 5)[len(request.token_ids) % 5 :][: len(drafts) + 1]
    assert lengths[0] == 4
    assert lengths[-1] == MAX_DRAFT_TOKENS
    assert lengths == sorted(lengths)


def test_drafts_stop_where_arithmetic_is_all_that_counts() -> None:
    drafter, request = NgramDrafter(), repeating()
    for rows in (8, 9, 10, 12) * 20:
        drafter.observe_step(rows, 0.001 * rows)
    assert drafter.propose(request, 100, 8) == ()


def test_a_request_whose_drafts_are_wrong_gets_none_until_they_would_have_been_right() -> None:
    drafter, request = NgramDrafter(), repeating()
    for rows in (1, 2, 3, 4) * 50:
        drafter.observe_step(rows, 0.010 + 0.001 * rows)
    token = 100
    for _ in range(200):  # the same two tokens come again and again, and never what followed them before
        drafts = drafter.propose(request, 100, 1)
        if drafts:
            drafter.learn(request, len(drafts), 0)
        token += 1
        request.token_ids += [20, 21, token] if not drafts else [token]
        if not drafter.propose(request, 100, 1) and token > 150:
            break
    assert not drafter.propose(request, 100, 1)

    for index in range(120):
        drafts = list(drafter.propose(request, 100, 1))
        if drafts:
            break
        request.token_ids.append(CYCLE[index % 5])
    assert drafts == (CYCLE * 2)[index % 5 :][: len(drafts)]
