"""Checkpoints of tiny models, on disk and without Paddle, and a home of their own for packed stores."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sampan.checkpoint import Checkpoint, expected_tensors, open_checkpoint, write_checkpoint
from sampan.config import ModelConfig, RopeScaling

QWEN = ModelConfig(
    model_type="qwen2",
    vocab_size=50,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=24,
)
CONFIGS = {
    "qwen": QWEN,
    "tied": replace(QWEN, tie_word_embeddings=True),
    "llama": replace(QWEN, model_type="llama", attention_bias=False, rope_scaling=RopeScaling(), head_dim=16),
    "one-head": replace(QWEN, num_key_value_heads=1, head_dim=8, vocab_size=16),
}
# Rows of 36 and 44 values, which have no whole groups.
ODD = replace(QWEN, hidden_size=36, intermediate_size=44, head_dim=10, vocab_size=37)

MakeCheckpoint = Callable[..., Checkpoint]
Tensors = dict[str, npt.NDArray[np.float32]]


def random_tensors(config: ModelConfig, seed: int = 0) -> Tensors:
    rng = np.random.default_rng(seed)
    shapes = expected_tensors(config)
    return {name: rng.standard_normal(shape, np.float32) * np.float32(0.02) for name, shape in shapes.items()}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def make_checkpoint(tmp_path: Path) -> MakeCheckpoint:
    """Writes a checkpoint; its weight files look as if they had been there for a while."""

    def make(
        config: ModelConfig = QWEN,
        dtype: str = "bf16",
        *,
        seed: int = 0,
        name: str = "model",
        max_shard_bytes: int | None = None,
        **changes: npt.NDArray[np.float32],
    ) -> Checkpoint:
        tensors = random_tensors(config, seed)
        write_checkpoint(tmp_path / name, config, {**tensors, **changes}, dtype, max_shard_bytes)
        return open_checkpoint(tmp_path / name)

    return make
