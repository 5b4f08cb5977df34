"""A checkpoint folder of random weights in a published model's exact shape, in place of a download.

Speed and memory do not depend on the values, so what is measured on it holds for the real weights.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np

from sampan.checkpoint import expected_tensors, resolve_model
from sampan.checkpoint.dtypes import Float32Array
from sampan.checkpoint.safetensors.writer import write_safetensors
from sampan.config import ModelConfig

STANDARD_DEVIATION = 0.02
METADATA = {"format": "pt"}  # transformers wants to read this


def write_random_checkpoint(folder: Path, config: ModelConfig, tokenizer: Path | None = None) -> None:
    """Writes bf16 weights drawn from N(0, 0.02²), norms of one, `config.json` and a tokenizer.

    One file a layer, so that the largest tensor is all that is in memory.

    Args:
        tokenizer: a folder with `tokenizer.json` and `tokenizer_config.json`; None takes the embedded model's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in expected_tensors(config).items():
        shards.setdefault(_shard(name), {})[name] = shape
    for file_name, shapes in shards.items():
        write_safetensors(
            folder / file_name, {name: _draw(name, shape) for name, shape in shapes.items()}, metadata=METADATA
        )
    weight_map = {name: file_name for file_name, shapes in shards.items() for name in shapes}
    _write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})
    _write_json(folder / "config.json", {**config.to_dict(), "torch_dtype": "bfloat16"})
    _write_tokenizer(folder, tokenizer or resolve_model(None).path, config.vocab_size)


def _shard(name: str) -> str:
    parts = name.split(".")
    part = f"layer-{int(parts[2]):03d}" if parts[1] == "layers" else parts[-2]
    return f"{part}.safetensors"


def _draw(name: str, shape: tuple[int, ...]) -> Float32Array:
    if name.endswith("norm.weight"):
        return np.ones(shape, np.float32)
    random = np.random.default_rng(zlib.crc32(name.encode()))  # the same weights on every machine
    values = random.standard_normal(shape, np.float32)
    values *= np.float32(STANDARD_DEVIATION)
    return values


def _write_tokenizer(folder: Path, source: Path, vocab_size: int) -> None:
    """Random weights choose any id, so that every id of the output matrix must have a text."""
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    # Added tokens too: the library numbers those that the vocabulary does not hold from its end on.
    vocabulary.update({added["content"]: added["id"] for added in tokenizer["added_tokens"]})
    known = set(vocabulary.values())
    vocabulary.update({f"[PAD{token_id}]": token_id for token_id in range(vocab_size) if token_id not in known})
    _write_json(folder / "tokenizer.json", tokenizer)
    settings = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    _write_json(folder / "tokenizer_config.json", settings)


def _write_json(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")
