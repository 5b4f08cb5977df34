"""GPTQ beside the paper's own formulation, which updates all later columns with the inverse of H."""

from __future__ import annotations

import numpy as np
import pytest

from sampan.errors import CheckpointError
from sampan.ptq.factor import upper_factor
from sampan.ptq.gptq import DAMPING, error_feedback, gptq
from sampan.ptq.scales import weighted_scales
from sampan.quant.codes import quantize_matrix


def inputs(tokens: int, k: int, seed: int = 0) -> np.ndarray:
    """Correlated, and of widely spread sizes."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(tokens, k // 2)) @ rng.normal(size=(k // 2, k)) / k**0.5
    x = (mixed + 0.3 * rng.normal(size=(tokens, k))) * rng.lognormal(0, 1, k)
    return x.astype(np.float32)


def weights(n: int, k: int) -> np.ndarray:
    return np.random.default_rng(1).standard_t(5, (n, k)).astype(np.float32) * np.float32(0.02)


def papers_gptq(weight: np.ndarray, hessian: np.ndarray, scales: np.ndarray, bits: int) -> np.ndarray:
    """Algorithm 1 of arXiv:2210.17323 without its blocks, in float64; the order is that of falling diagonals."""
    order = np.argsort(-np.diag(hessian), kind="stable")
    h = hessian.astype(np.float64)[np.ix_(order, order)]
    h += DAMPING * np.diag(np.diag(h))
    inverse = np.linalg.cholesky(np.linalg.inv(h)).T
    w = weight.astype(np.float64)[:, order]
    codes = np.zeros(w.shape)
    for i, column in enumerate(order):
        scale = scales[:, column // 32].astype(np.float64)
        codes[:, i] = np.clip(np.rint(w[:, i] / scale), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        error = (w[:, i] - codes[:, i] * scale) / inverse[i, i]
        w[:, i:] -= np.outer(error, inverse[i, i:])
    found = np.empty_like(codes)
    found[:, order] = codes
    return found


def test_the_factor_gives_h_back():
    x = inputs(700, 320)
    h = (x.T @ x).astype(np.float32)
    kept = h.astype(np.float64)
    d = upper_factor(h, DAMPING)
    u = np.triu(h.astype(np.float64))
    assert (np.diag(u) == 1).all()
    assert np.abs(u * d @ u.T - kept).max() < 1e-4 * kept.max()


def test_it_finds_the_codes_of_the_papers_algorithm():
    x, w = inputs(800, 160), weights(24, 160)
    h = x.T @ x
    expected = papers_gptq(w, h, weighted_scales(w, np.diag(h), "int4", "w"), 4)
    found = gptq(w, error_feedback(h), "int4", "w")
    same = found.codes == expected
    assert same.mean() > 0.995, "codes may differ where a value lies between two"
    assert np.abs(found.codes - expected).max() <= 1


@pytest.mark.parametrize("format", ["int4", "int8"])
def test_outputs_change_less_than_by_rounding_alone(format):
    x, w = inputs(1500, 256), weights(48, 256)
    exact = x @ w.T
    plain = quantize_matrix(w, format, "w").values()
    better = gptq(w, error_feedback(x.T @ x), format, "w").values()
    assert np.linalg.norm(x @ better.T - exact) < 0.7 * np.linalg.norm(x @ plain.T - exact)


def test_a_dead_channel_is_rounded_and_disturbs_nothing():
    x, w = inputs(600, 64), weights(16, 64)
    x[:, 5] = 0
    alive = np.arange(64) != 5
    found = gptq(w, error_feedback(x.T @ x), "int4", "w")
    assert np.isfinite(found.scales).all()
    changed = w.copy()
    changed[:, 5] = found.values()[:, 5]  # another value there, in a group with the same scale
    again = gptq(changed, error_feedback(x.T @ x), "int4", "w")
    same = (found.scales == again.scales)[:, 0]
    assert same.any()
    assert (found.codes[same][:, alive] == again.codes[same][:, alive]).all()


def test_inputs_that_are_all_zero_leave_plain_rounding():
    w = weights(16, 64)
    found = gptq(w, error_feedback(np.zeros((64, 64), np.float32)), "int4", "w")
    assert np.abs(found.values() - w).max() <= np.abs(found.scales).max()


def test_fewer_tokens_than_channels_are_enough():
    x, w = inputs(20, 128), weights(16, 128)
    found = gptq(w, error_feedback(x.T @ x), "int4", "w").values()
    plain = quantize_matrix(w, "int4", "w").values()
    assert np.linalg.norm(x @ (found - w).T) < np.linalg.norm(x @ (plain - w).T)


def test_a_damaged_weight_is_named():
    w = weights(16, 64)
    w[3, 3] = np.nan
    with pytest.raises(CheckpointError, match="down_proj"):
        gptq(w, error_feedback(np.eye(64, dtype=np.float32)), "int4", "down_proj")


def test_equal_importance_finds_about_the_packers_scales():
    w = weights(64, 256)
    scales = weighted_scales(w, np.ones(256), "int4", "w").astype(np.float32)
    codes = np.clip(np.rint(w.reshape(64, 8, 32) / scales[..., None]), -8, 7)
    error = np.linalg.norm(codes * scales[..., None] - w.reshape(64, 8, 32))
    assert error < 1.01 * np.linalg.norm(quantize_matrix(w, "int4", "w").values() - w)
