from __future__ import annotations

import numpy as np
import pytest
from benchmarks.quality.divergence import divergence


def test_equal_logits_do_not_diverge() -> None:
    logits = [np.random.default_rng(0).normal(size=(5, 7))]
    result = divergence(logits, [logits[0] + 3.0], [[1, 2, 3, 4, 5]])  # a constant changes no distribution
    assert result.mean_kl == pytest.approx(0.0, abs=1e-15)
    assert (result.top1, result.positions) == (1.0, 5)
    assert result.perplexity_ratio == pytest.approx(1.0)


def test_two_tokens_by_hand() -> None:
    reference, other = [np.log([[0.5, 0.5], [0.9, 0.1]])], [np.log([[0.25, 0.75], [0.2, 0.8]])]
    result = divergence(reference, other, [[0, 1]])
    first = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    second = 0.9 * np.log(0.9 / 0.2) + 0.1 * np.log(0.1 / 0.8)
    assert result.mean_kl == pytest.approx((first + second) / 2)
    assert result.kl_99 == pytest.approx(first + 0.99 * (second - first))
    assert result.top1 == 0.0
    assert result.perplexity_ratio == pytest.approx(0.5 / 0.75)  # token 1 follows the first position


def test_padding_of_the_vocabulary_is_cut_off() -> None:
    reference = [np.array([[1.0, 2.0], [3.0, 1.0]])]
    padded = [np.array([[1.0, 2.0, 9.0], [3.0, 1.0, 9.0]])]
    assert divergence(reference, padded, [[0, 1]]).mean_kl == 0.0
