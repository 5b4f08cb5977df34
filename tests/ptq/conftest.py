"""A random model of two layers with grouped queries, and token ids to calibrate it on."""

from __future__ import annotations

import numpy as np
import pytest

from random_model import random_checkpoint
from sampan.checkpoint import open_checkpoint, write_checkpoint
from sampan.config import ModelConfig
from sampan.ptq import Calibration

CONFIG = ModelConfig(
    model_type="qwen2",
    vocab_size=128,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    max_position_embeddings=256,
    tie_word_embeddings=False,
)


@pytest.fixture(scope="session")
def source_folder(tmp_path_factory):
    """The model, in bf16, without a tokenizer. Some channels of its norms are large, so that inputs have outliers."""
    checkpoint = random_checkpoint(CONFIG)
    tensors = {name: checkpoint.get(name).copy() for name in checkpoint.names()}
    for name, value in tensors.items():
        if name.endswith("layernorm.weight"):
            value[::21] = 12.0
    folder = tmp_path_factory.mktemp("models") / "source"
    write_checkpoint(folder, CONFIG, tensors, "bf16")
    return folder


@pytest.fixture(scope="session")
def source(source_folder):
    return open_checkpoint(source_folder)


@pytest.fixture(scope="session")
def calibration():
    rng = np.random.default_rng(5)
    samples = tuple(tuple(map(int, rng.integers(0, CONFIG.vocab_size, length))) for length in (40, 7, 90, 64, 33, 50))
    return Calibration("random", samples)
