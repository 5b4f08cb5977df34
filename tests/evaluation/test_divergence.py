"""KL between outlines, beside the whole distributions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from sampan.evaluation.divergence import Outline, kl_divergence, most_probable, token_losses

Array = npt.NDArray[np.float64]


def log_softmax(logits: npt.NDArray[np.floating]) -> Array:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def exact_kl(reference: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> Array:
    p, q = log_softmax(reference), log_softmax(other)
    return (np.exp(p) * (p - q)).sum(axis=-1)


@pytest.fixture
def logits() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    reference = (rng.normal(size=(40, 500)) * 4).astype(np.float32)
    return reference, reference + rng.normal(size=reference.shape).astype(np.float32) * np.float32(0.3)


def kl(reference: npt.NDArray[np.float32], other: npt.NDArray[np.float32], count: int) -> Array:
    tokens = most_probable(reference, count)
    return kl_divergence(Outline.of(reference, tokens), Outline.of(other, tokens))


def test_all_tokens_kept_is_exact(logits):
    reference, other = logits
    np.testing.assert_allclose(kl(reference, other, 500), exact_kl(reference, other), rtol=1e-12)
    np.testing.assert_allclose(kl(reference, other, 10_000), exact_kl(reference, other), rtol=1e-12)


def test_an_outline_is_a_lower_bound_that_more_tokens_raise(logits):
    reference, other = logits
    exact = exact_kl(reference, other)
    bounds = [kl(reference, other, count) for count in (1, 10, 100, 400)]
    for lower, higher in zip(bounds, [*bounds[1:], exact], strict=True):
        assert (lower <= higher + 1e-12).all()
    np.testing.assert_allclose(bounds[-1], exact, rtol=1e-3)


@pytest.mark.parametrize("count", [1, 7, 500])
def test_equal_logits_do_not_diverge_at_all(logits, count):
    reference, _ = logits
    assert kl(reference, reference.copy(), count).tolist() == [0.0] * 40


def test_two_tokens_by_hand():
    reference, other = np.log([[0.5, 0.5], [0.9, 0.1]]), np.log([[0.25, 0.75], [0.2, 0.8]])
    first = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    second = 0.9 * np.log(0.9 / 0.2) + 0.1 * np.log(0.1 / 0.8)
    assert kl(reference, other, 2) == pytest.approx([first, second])
    assert kl(reference, other, 1) == pytest.approx([first, second])  # the rest is one token


def test_huge_logits():
    reference = np.array([[1e4, 0.0, -1e4]], np.float32)
    assert kl(reference, reference + np.float32(100), 2).tolist() == [0.0]


def test_most_probable_tokens_in_order_and_equals_by_id():
    logits = np.array([[1.0, 3.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]])
    assert most_probable(logits, 3).tolist() == [[1, 2, 3], most_probable(logits, 3)[1].tolist()]
    assert most_probable(logits, 4).tolist() == [[1, 2, 3, 0], [0, 1, 2, 3]]
    assert most_probable(logits, 9).tolist() == most_probable(logits, 4).tolist()


def test_losses_of_the_tokens_that_follow(logits):
    reference, _ = logits
    outline = Outline.of(reference, most_probable(reference, 5))
    tokens = np.arange(40, dtype=np.int32)
    expected = -log_softmax(reference)[np.arange(40), tokens]
    np.testing.assert_allclose(token_losses(reference, outline.log_total, tokens), expected, rtol=1e-12)
