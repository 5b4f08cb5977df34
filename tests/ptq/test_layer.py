"""A layer that is run piece by piece computes what the whole model computes."""

from __future__ import annotations

import numpy as np
import paddle

from sampan.models import build_model, load_weights
from sampan.ptq.hidden_states import MicroBatch
from sampan.ptq.layer import Layer
from sampan.quant.codes import as_served


def states_of(source, samples):
    """Hidden states before each layer and behind the last, of samples in a row."""
    model = build_model(source.config)
    load_weights(model, source)
    found: list[list[np.ndarray]] = []
    for sample in samples:
        states = []
        handles = [
            layer.register_forward_pre_hook(lambda _, inputs, states=states: states.append(inputs[0].numpy()[0]))
            for layer in [*model.model.layers, model.model.norm]
        ]
        model.model(paddle.to_tensor([sample]))
        for handle in handles:
            handle.remove()
        found.append(states)
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def test_a_batch_of_samples_goes_through_a_layer_as_through_the_model(source, calibration):
    samples = calibration.samples[:3]
    before, between, after = states_of(source, samples)
    batch = MicroBatch(0, tuple(map(len, samples)))
    layer = Layer(source.config, "bf16")
    for index, (x, y) in enumerate(((before, between), (between, after))):
        layer.load(source, index)
        found = layer.after_mlp(layer.after_attention(batch, x))
        np.testing.assert_allclose(found, y, rtol=1e-3, atol=1e-5 * np.abs(y).max())


def test_inputs_of_a_quantised_matrix_are_rounded_as_its_kernel_does(source, calibration):
    x = states_of(source, calibration.samples[:1])[0]
    batch = MicroBatch(0, (len(x),))
    layer = Layer(source.config, "bf16")
    layer.load(source, 0)
    inner = layer.input_of("down_proj", batch, x)
    exact = layer.after_mlp(x)
    weight = layer.weight("mlp.down_proj")
    layer.set_weight("mlp.down_proj", weight, rounds_inputs=True)
    np.testing.assert_allclose(layer.after_mlp(x), x + as_served(inner) @ weight.T, rtol=1e-4, atol=1e-4)
    layer.load(source, 0)
    assert (layer.after_mlp(x) == exact).all(), "a layer that is loaded anew rounds nothing"
