"""Batches: what is fed in, what is learnt, and that a plan is a pure function."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.tuning import Batch, BatchPlan, Example


def example(token_ids: list[int], targets: list[int]) -> Example:
    return Example(np.array(token_ids), np.isin(np.arange(len(token_ids)), targets))


def test_a_batch_feeds_all_but_the_last_token_and_pads_on_the_right() -> None:
    batch = Batch.of([example([5, 6, 7, 8], [2, 3]), example([9, 10, 11], [2])])
    assert batch.input_ids.tolist() == [[5, 6, 7], [9, 10, 0]]


def test_targets_are_the_masked_tokens_at_the_positions_before_them() -> None:
    batch = Batch.of([example([5, 6, 7, 8], [2, 3]), example([9, 10, 11], [2])])
    assert batch.rows.tolist() == [1, 2, 4]
    assert batch.targets.tolist() == [7, 8, 11]


def test_a_first_token_is_never_a_target() -> None:
    batch = Batch.of([example([5, 6, 7], [0, 2])])
    assert batch.targets.tolist() == [7]


def test_an_example_needs_a_mask_of_its_own_length() -> None:
    with pytest.raises(ValueError, match="must both be"):
        Example(np.array([1, 2, 3]), np.array([True, False]))


@given(st.lists(st.integers(2, 60), min_size=1, max_size=200), st.integers(1, 128), st.integers(0, 5))
def test_an_epoch_holds_each_example_once_and_keeps_to_the_budget(
    lengths: list[int], max_tokens: int, number: int
) -> None:
    batches = BatchPlan(lengths, max_tokens, seed=1).epoch(number)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= max_tokens


def test_a_plan_resumes_at_any_batch_across_epochs() -> None:
    plan = BatchPlan([3, 9, 4, 4, 7, 12, 5, 8], max_tokens=16, seed=0)
    whole = list(islice(plan.batches(), 30))
    for start in (0, 1, len(plan.epoch(0)), 17):
        assert list(islice(plan.batches(start), 30 - start)) == whole[start:]


def test_epochs_and_seeds_are_shuffled_differently() -> None:
    lengths = list(range(2, 40))
    assert BatchPlan(lengths, 64, 0).epoch(0) == BatchPlan(lengths, 64, 0).epoch(0)
    assert BatchPlan(lengths, 64, 0).epoch(0) != BatchPlan(lengths, 64, 0).epoch(1)
    assert BatchPlan(lengths, 64, 0).epoch(0) != BatchPlan(lengths, 64, 1).epoch(0)
