"""Codes and scales outside of panels: those that packing makes, and inputs as the kernels round them."""

from __future__ import annotations

import numpy as np
import pytest

import numpy_packer
from sampan.errors import CheckpointError
from sampan.quant.codes import as_served, quantize_matrix

NUMPY = {"int8": numpy_packer.quantize_int8, "int4": numpy_packer.quantize_int4}


@pytest.mark.parametrize("format", ["int8", "int4"])
@pytest.mark.parametrize("n", [16, 37])
def test_codes_and_scales_are_the_packers(format, n):
    weight = np.random.default_rng(n).normal(size=(n, 96)).astype(np.float32)
    weight[1, :32] = 0
    codes, scales = NUMPY[format](weight)
    found = quantize_matrix(weight, format, "w")
    assert (found.codes == codes).all()
    assert (found.scales == scales).all()
    values = codes.reshape(n, 3, 32).astype(np.float32) * scales.astype(np.float32)[..., None]
    assert (found.values() == values.reshape(n, 96)).all()


def test_a_matrix_of_many_pieces_is_one(monkeypatch):
    weight = np.random.default_rng(0).normal(size=(70, 64)).astype(np.float32)
    whole = quantize_matrix(weight, "int4", "w")
    monkeypatch.setattr("sampan.quant.codes.PIECE_VALUES", 16 * 64)
    pieces = quantize_matrix(weight, "int4", "w")
    assert (whole.codes == pieces.codes).all()
    assert (whole.scales == pieces.scales).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_what_cannot_be_quantised_is_named(value):
    weight = np.ones((16, 32), np.float32)
    weight[3, 3] = value
    with pytest.raises(CheckpointError, match="q_proj"):
        quantize_matrix(weight, "int8", "q_proj")


def test_inputs_are_rounded_group_by_group():
    x = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)
    x[2] *= 1000
    x[3, :32] = 0
    scales = np.abs(x.reshape(5, 2, 32)).max(axis=-1) / np.float32(127)
    found = as_served(x)
    assert np.abs(found - x).reshape(5, 2, 32).max(axis=-1) == pytest.approx(scales / 2, rel=0.2, abs=1e-9)
    assert (found[3, :32] == 0).all()
