"""The stand-in for a download: a checkpoint that every reader takes, with a text for each token."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmarks.comparison.random_checkpoint import STANDARD_DEVIATION, write_random_checkpoint

from sampan.checkpoint import open_checkpoint, resolve_model
from sampan.config import ModelConfig
from sampan.text import Tokenizer

CONFIG = ModelConfig("qwen2", 7000, 64, 96, 2, 4, 2, 16)


def test_it_is_a_complete_checkpoint(tmp_path: Path) -> None:
    write_random_checkpoint(tmp_path / "model", CONFIG)
    checkpoint = open_checkpoint(tmp_path / "model")
    weights = checkpoint.get("model.embed_tokens.weight")
    assert abs(weights.std() - STANDARD_DEVIATION) < 1e-3
    assert np.array_equal(checkpoint.get("model.layers.1.input_layernorm.weight"), np.ones(64, np.float32))
    other = checkpoint.get("lm_head.weight")
    assert not np.array_equal(weights, other)


def test_every_id_has_a_text_and_texts_are_read_as_before(tmp_path: Path) -> None:
    write_random_checkpoint(tmp_path / "model", CONFIG)
    padded, original = Tokenizer.from_dir(tmp_path / "model"), Tokenizer.from_dir(resolve_model(None).path)
    assert padded.vocab_size == CONFIG.vocab_size
    assert padded.decode([6999]) == "[PAD6999]"
    assert padded.think_end_id == original.think_end_id
    assert padded.encode("How many hosts? [PAD6999]") == original.encode("How many hosts? [PAD6999]")
