"""Smoothing changes no output, and makes those of rounded matrices better."""

from __future__ import annotations

import numpy as np
import pytest

from sampan.ptq.errors import output_error
from sampan.ptq.hidden_states import HiddenStates, MicroBatch, micro_batches
from sampan.ptq.layer import Layer
from sampan.ptq.recipe import MATRICES
from sampan.ptq.smoothquant import smooth
from sampan.quant.codes import as_served, quantize_matrix

FORMATS = dict.fromkeys(MATRICES, "int8")


@pytest.fixture
def states(source, calibration, tmp_path):
    embedding = source.get("model.embed_tokens.weight")
    batches = micro_batches([len(sample) for sample in calibration.samples], 100)
    shape = HiddenStates(tmp_path / "none", source.config.hidden_size, batches)
    return shape.written(tmp_path / "states.bin", (embedding[list(sample)] for sample in calibration.samples))


def outputs(layer: Layer, states: HiddenStates) -> np.ndarray:
    return np.concatenate([layer.after_mlp(layer.after_attention(batch, x)) for batch, x in states])


def errors(layer: Layer, states: HiddenStates) -> dict[str, float]:
    """Of each matrix, rounded to int8."""
    batch, x = next(iter(states))
    found = {}
    for matrix, names in MATRICES.items():
        if matrix == "gate_up_proj":
            x = layer.after_attention(batch, x)
        inputs = layer.input_of(matrix, batch, x)
        for name in names:
            weight = layer.weight(name)
            served = quantize_matrix(weight, "int8", name).values()
            found[name] = output_error(inputs, weight, as_served(inputs), served)
    return found


def test_outputs_stay_and_errors_fall(source, states):
    layer = Layer(source.config, "bf16")
    layer.load(source, 0)
    exact, before = outputs(layer, states), errors(layer, states)
    alphas = smooth(layer, source.config, states, FORMATS)
    np.testing.assert_allclose(outputs(layer, states), exact, rtol=1e-3, atol=2e-4 * np.abs(exact).max())
    after = errors(layer, states)
    assert alphas["qkv_proj"] > 0
    assert alphas["gate_up_proj"] > 0
    for name in ("self_attn.q_proj", "mlp.up_proj"):  # their inputs have outliers
        assert after[name] < 0.9 * before[name]


def test_vectors_are_what_16_bits_hold(source, states):
    layer = Layer(source.config, "bf16")
    layer.load(source, 0)
    smooth(layer, source.config, states, FORMATS)
    for name, value in layer.vectors().items():
        assert (value.view(np.uint32) & 0xFFFF == 0).all(), name


def test_a_matrix_that_stays_float_is_left_alone(source, states):
    layer = Layer(source.config, "bf16")
    layer.load(source, 0)
    kept = {name: layer.weight(name) for name in MATRICES["qkv_proj"]}
    norm = layer.vectors()["input_layernorm.weight"]
    alphas = smooth(layer, source.config, states, {**FORMATS, "qkv_proj": "bf16", "o_proj": "bf16"})
    assert alphas.keys() == {"gate_up_proj", "down_proj"}
    assert all((layer.weight(name) == weight).all() for name, weight in kept.items())
    assert (layer.vectors()["input_layernorm.weight"] == norm).all()


def test_batches_hold_whole_samples():
    assert micro_batches([40, 7, 90, 64], 100) == [
        MicroBatch(0, (40, 7)),
        MicroBatch(47, (90,)),
        MicroBatch(137, (64,)),
    ]
    assert micro_batches([500], 100) == [MicroBatch(0, (500,))]
