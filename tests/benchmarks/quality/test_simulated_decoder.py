"""The simulated decoder against the plain one of `numpy_decoder.py`, and where it rounds."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.quality.simulated_decoder import REFERENCE, Array, Numerics, simulate

from numpy_decoder import decoder_logits
from sampan.checkpoint import expected_tensors
from sampan.config import ModelConfig

TEXTS = [[1, 5, 9, 3, 3, 17, 30, 2], [7, 7]]


def model(model_type: str = "qwen2", tied: bool = False) -> tuple[ModelConfig, dict[str, Array]]:
    config = ModelConfig(
        model_type=model_type,
        vocab_size=32,
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=8,
        tie_word_embeddings=tied,
    )
    rng = np.random.default_rng(3)
    return config, {name: rng.normal(size=shape) * 0.4 for name, shape in expected_tensors(config).items()}


@pytest.mark.parametrize(("model_type", "tied"), [("qwen2", False), ("qwen2", True), ("llama", False)])
def test_against_the_plain_decoder(model_type: str, tied: bool) -> None:
    config, tensors = model(model_type, tied)
    for text, logits in zip(TEXTS, simulate(config, tensors, REFERENCE, TEXTS), strict=True):
        np.testing.assert_allclose(logits, decoder_logits(config, tensors, text), rtol=1e-9, atol=1e-9)


def test_every_matrix_and_its_inputs_are_seen_under_one_name() -> None:
    config, tensors = model(tied=True)
    weights, inputs = [], []

    def weight(name: str, w: Array) -> Array:
        weights.append(name)
        return w

    def activation(name: str, x: Array) -> Array:
        inputs.append((name, x.shape))
        return x

    simulate(config, tensors, Numerics(weight=weight, activation=activation), TEXTS[:1])
    matrices = [name for name, shape in expected_tensors(config).items() if len(shape) == 2]
    assert sorted(weights) == sorted([*matrices, "lm_head.weight"])
    assert sorted(inputs) == sorted(
        [(name, (8, tensors[name].shape[1])) for name in matrices if "layers" in name] + [("lm_head.weight", (8, 24))]
    )


@pytest.mark.parametrize("part", ["keys", "values", "queries", "probabilities"])
def test_each_rounding_is_applied(part: str) -> None:
    config, tensors = model()
    plain = simulate(config, tensors, Numerics(), TEXTS)[0]
    rounded = simulate(config, tensors, Numerics(**{part: lambda x: x * np.float32(1.01)}), TEXTS)[0]
    assert not np.array_equal(plain, rounded)
