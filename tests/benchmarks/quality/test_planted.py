"""What is planted is there: in a small model, the figures that the generator's docstring names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.quality.formats import bf16
from benchmarks.quality.planted import CONFIG, FIRST_TOKEN, TOP1, planted_tensors, planted_texts
from benchmarks.quality.simulated_decoder import EMBEDDING, Array, Numerics, SimulatedDecoder

from sampan.checkpoint import expected_tensors

SMALL = replace(
    CONFIG,
    vocab_size=512,
    hidden_size=192,
    intermediate_size=256,
    num_hidden_layers=5,
    num_attention_heads=6,
    num_key_value_heads=2,
    head_dim=32,
)


@pytest.fixture(scope="module")
def tensors() -> dict[str, Array]:
    return dict(planted_tensors(SMALL, seed=1))


def test_texts_start_with_the_first_token() -> None:
    texts = planted_texts(SMALL, 3, 20)
    assert [len(text) for text in texts] == [20, 20, 20]
    assert all(text[0] == FIRST_TOKEN and FIRST_TOKEN not in text[1:] and max(text) < 512 for text in texts)
    assert texts == planted_texts(SMALL, 3, 20) != planted_texts(SMALL, 3, 20, seed=1)


def test_tensors_are_complete_bfloat16_and_follow_from_the_seed(tensors: dict[str, Array]) -> None:
    assert {name: tensor.shape for name, tensor in tensors.items()} == expected_tensors(SMALL)
    assert all(np.array_equal(tensor, bf16(tensor)) for tensor in tensors.values())
    again = planted_tensors(SMALL, seed=1)
    assert all(np.array_equal(tensor, again[name]) for name, tensor in tensors.items())


def test_massive_activations_come_and_go(tensors: dict[str, Array]) -> None:
    decoder = SimulatedDecoder(SMALL, tensors, Numerics())
    x = tensors[EMBEDDING][planted_texts(SMALL, 1, 64)[0]]
    largest = []
    for layer in range(SMALL.num_hidden_layers):
        x = decoder.block(layer, x)
        largest.append(np.abs(x[0]).max() / np.median(np.abs(x)))
    before, first, middle, *removed = largest
    assert before < 100
    assert min(first, middle) > 500
    assert max(removed) < 0.2 * middle


def test_distributions_are_neither_flat_nor_certain(tensors: dict[str, Array]) -> None:
    decoder = SimulatedDecoder(SMALL, tensors, Numerics())
    logits = np.concatenate([decoder.logits(text)[1:] for text in planted_texts(SMALL, 4, 64, seed=5)])
    assert (1.0 / np.exp(logits - logits.max(axis=-1, keepdims=True)).sum(axis=-1)).mean() == pytest.approx(
        TOP1, abs=0.15
    )
    assert len(set(logits.argmax(axis=-1).tolist())) > 20


def test_keys_have_large_biases_in_slow_pairs(tensors: dict[str, Array]) -> None:
    bias = tensors["model.layers.0.self_attn.k_proj.bias"].reshape(2, 2, 16)  # head, half, pair
    assert np.abs(bias).max() == 100.0
    assert np.abs(bias[..., :12]).max() < 50.0
