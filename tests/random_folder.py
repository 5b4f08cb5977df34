"""A model folder with random weights and the scripted engine's tokenizer: it writes any bytes and tags, anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from sampan.checkpoint import expected_tensors, write_checkpoint
from sampan.config import ModelConfig
from scripted_engine import BOS, EOS, SPECIALS, TEMPLATE, TOKENIZER

CONTEXT = 512
CONFIG = ModelConfig(
    "qwen2", 512, 64, 128, 2, 2, 1, 32, CONTEXT, tie_word_embeddings=True, bos_token_id=BOS, eos_token_ids=(EOS,)
)


def write_random_model(folder: Path) -> Path:
    """Writes it, and returns the folder."""
    rng = np.random.default_rng(0)
    weights = {
        name: np.ones(shape, np.float32) if "norm" in name else (rng.normal(size=shape) * 0.3).astype(np.float32)
        for name, shape in expected_tensors(CONFIG).items()
    }
    write_checkpoint(folder, CONFIG, weights)
    TOKENIZER._engine.save(str(folder / "tokenizer.json"))
    settings = {"bos_token": SPECIALS[0], "eos_token": SPECIALS[1], "add_bos_token": True, "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder
