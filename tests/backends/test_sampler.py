"""The sampler's filters against direct definitions, and its draws against the distribution."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.backends.sampler import sample
from sampling_batches import masks, sparse
from sampling_batches import sampling_batch as batch


def draw(logits: list[float], count: int = 4000, **changes: object) -> np.ndarray:
    """How often each id is drawn over `count` positions."""
    rows = np.tile(np.array(logits, np.float32), (count, 1))
    output = sample(rows, batch(count, **{"temperature": 1.0, **changes}))
    return np.bincount(output.token_ids, minlength=len(logits))


def test_greedy_takes_the_largest_and_of_equals_the_first() -> None:
    logits = np.array([[0, 3, 1, 3], [5, 1, 1, 1]], np.float32)
    assert sample(logits, batch(2)).token_ids.tolist() == [1, 0]


def test_draws_follow_the_softmax() -> None:
    counts = draw([1.0, 0.0, -1.0, 2.0], count=20_000)
    expected = np.exp([1.0, 0.0, -1.0, 2.0])
    expected *= 20_000 / expected.sum()
    assert ((counts - expected) ** 2 / expected).sum() < 16.3  # 3 degrees of freedom, p = 0.001


def test_temperature_sharpens() -> None:
    assert (
        draw([1.0, 0.0], temperature=0.1)[0]
        > draw([1.0, 0.0], temperature=1.0)[0]
        > draw([1.0, 0.0], temperature=9.0)[0]
    )


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"top_k": 2}, [0, 3]),
        ({"top_k": 1}, [3]),
        ({"top_p": 0.6}, [3]),  # the largest alone has 0.64
        ({"top_p": 0.7}, [0, 3]),
        ({"min_p": 0.3}, [0, 3]),
        ({"min_p": 1.0}, [3]),
        ({"top_k": 3, "top_p": 0.7}, [0, 3]),  # 0.64 of 0.97
        ({"top_p": 1.0, "top_k": 4}, [0, 1, 2, 3]),
    ],
)
def test_filters_keep_exactly_these(changes: dict[str, float], kept: list[int]) -> None:
    assert np.flatnonzero(draw([1.0, 0.0, -1.0, 2.0], **changes)).tolist() == kept


def test_top_k_of_equals_keeps_the_lower_ids() -> None:
    assert np.flatnonzero(draw([1.0] * 8, top_k=3)).tolist() == [0, 1, 2]


def test_a_nucleus_wider_than_the_first_guess_is_exact() -> None:
    logits = np.zeros((1, 4096), np.float32)
    drawn = sample(np.repeat(logits, 3000, 0), batch(3000, temperature=1.0, top_p=0.5)).token_ids
    assert drawn.max() < 2048
    assert len(np.unique(drawn)) > 1500


def test_penalties() -> None:
    logits = np.array([[2.0, -2.0, 1.9, 0.0]], np.float32)
    seen = sparse([{0: 2.0, 1: 0.0}])
    row = sample(logits, batch(1, seen=seen, repetition_penalty=2.0, num_logprobs=4))
    adjusted = np.array([1.0, -4.0, 1.9, 0.0])
    expected = adjusted - np.log(np.exp(adjusted).sum())
    assert row.token_ids.tolist() == [2]
    assert row.logprobs[0] is not None
    assert row.logprobs[0].token_ids.tolist() == [2, 2, 0, 3, 1]
    np.testing.assert_allclose(row.logprobs[0].logprobs, expected[[2, 2, 0, 3, 1]], rtol=1e-6)
    presence = sample(logits, batch(1, seen=seen, presence_penalty=0.5))
    assert presence.token_ids.tolist() == [2]  # 0 was in the output: 1.5; 1 only in the prompt
    frequency = sample(np.array([[2.0, 9.0, 1.9, 0.0]], np.float32), batch(1, seen=seen, frequency_penalty=2.0))
    assert frequency.token_ids.tolist() == [1]  # never in the output: no penalty


def test_bias_and_mask() -> None:
    logits = np.array([[2.0, 1.0, 0.0]], np.float32)
    assert sample(logits, batch(1, bias=sparse([{0: -np.inf}]))).token_ids.tolist() == [1]
    assert sample(logits, batch(1, bias=sparse([{2: 5.0}]))).token_ids.tolist() == [2]
    assert sample(logits, batch(1, masks=masks([{2}], 3))).token_ids.tolist() == [2]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_draws_nothing_and_harms_nobody(bad: float) -> None:
    logits = np.array([[0.0, 1.0], [0.0, bad], [1.0, 0.0]], np.float32)
    output = sample(logits, batch(3, num_logprobs=0))
    assert output.token_ids.tolist() == [1, -1, 0]
    assert output.logprobs[1] is None


def test_rank_counts_the_more_probable() -> None:
    output = sample(np.array([[3.0, 2.0, 1.0]], np.float32), batch(1, masks=masks([{1}], 3), num_logprobs=0))
    assert output.logprobs[0] is not None
    assert output.logprobs[0].rank == 1  # of what was allowed


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 6))
def test_a_row_is_drawn_as_if_alone(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(size, 300)).astype(np.float32) * 3
    together = batch(
        size,
        temperature=rng.uniform(0, 2, size),
        top_k=rng.integers(0, 300, size),
        top_p=rng.uniform(0.1, 1, size),
        min_p=rng.uniform(0, 0.2, size),
        seeds=rng.integers(0, 2**63, size),
        num_logprobs=3,
    )
    output = sample(logits, together)
    dense = [field.name for field in fields(together) if field.name not in ("seen", "bias", "masks")]
    for i in range(size):
        only = replace(together, **{name: getattr(together, name)[i : i + 1] for name in dense})
        alone = sample(logits[i : i + 1], only)
        assert alone.token_ids[0] == output.token_ids[i]
        assert alone.logprobs[0].logprobs.tobytes() == output.logprobs[i].logprobs.tobytes()
