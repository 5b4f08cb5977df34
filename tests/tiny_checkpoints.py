"""Tiny models of every kind with random weights, written to disk without Paddle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

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
    "one-kv-head": replace(QWEN, num_key_value_heads=1, head_dim=8, vocab_size=16),
}
# Rows of 36, 44 and 40 values have no whole groups, and nothing fills a panel or a line of memory.
ODD = replace(QWEN, hidden_size=36, intermediate_size=44, head_dim=10, vocab_size=37)

Tensors = dict[str, npt.NDArray[np.float32]]


def random_tensors(config: ModelConfig, seed: int = 0) -> Tensors:
    """All weights of a model, spread like those of real ones."""
    rng = np.random.default_rng(seed)
    shapes = expected_tensors(config)
    return {name: rng.standard_normal(shape, np.float32) * np.float32(0.02) for name, shape in shapes.items()}


def make_checkpoint(
    folder: Path,
    config: ModelConfig = QWEN,
    dtype: str = "bf16",
    *,
    seed: int = 0,
    max_shard_bytes: int | None = None,
    **changes: npt.NDArray[np.float32],
) -> Checkpoint:
    """A checkpoint in `folder`; `changes` are tensors by name, with `__` for the dots."""
    changed = {name.replace("__", "."): value for name, value in changes.items()}
    write_checkpoint(folder, config, {**random_tensors(config, seed), **changed}, dtype, max_shard_bytes)
    return open_checkpoint(folder)
