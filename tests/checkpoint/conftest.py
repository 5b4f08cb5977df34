"""A tiny model of each kind, in numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sampan.checkpoint import expected_tensors
from sampan.config import ModelConfig


@pytest.fixture
def config() -> ModelConfig:
    return ModelConfig(
        model_type="qwen2",
        vocab_size=32,
        hidden_size=8,
        intermediate_size=12,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=2,
    )


@pytest.fixture
def tied_config(config: ModelConfig) -> ModelConfig:
    return replace(config, tie_word_embeddings=True)


@pytest.fixture
def tensors(config: ModelConfig) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape, np.float32) for name, shape in expected_tensors(config).items()}
