"""A model small enough to train in a test, and examples for it."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from sampan.config import ModelConfig
from sampan.models import CausalLM, build_model
from sampan.tuning import Example

CONFIG = ModelConfig(
    model_type="qwen2",
    vocab_size=40,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=4,
    max_position_embeddings=64,
    tie_word_embeddings=True,
    attention_bias=True,
)


@pytest.fixture
def model() -> CausalLM:
    return fresh_model()


def fresh_model() -> CausalLM:
    """The same weights at every call."""
    paddle.seed(7)
    return build_model(CONFIG)


@pytest.fixture
def examples() -> list[Example]:
    rng = np.random.default_rng(3)
    lengths = rng.integers(4, 15, 30)
    return [Example(rng.integers(1, 40, n), np.arange(n) >= n // 2) for n in lengths]
