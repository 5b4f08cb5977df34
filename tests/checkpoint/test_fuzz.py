"""Every reader of model files against files changed at random.

The readers of pickles and of GGUF headers have fuzzers of their own beside their hostile files.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mutations import COUNTS, mutate_bytes, mutate_json, survive
from sampan.checkpoint import SafetensorsFile, open_checkpoint, write_checkpoint, write_gguf
from sampan.checkpoint.safetensors.header import LENGTH_BYTES
from sampan.config import ModelConfig
from tiny_checkpoints import CONFIGS, make_checkpoint, random_tensors

SMALL = ModelConfig("qwen2", 8, 4, 6, 1, 2, 1, 2)


def read_all(path: Path) -> None:
    """Reads a folder or a file, and all of its tensors."""
    checkpoint = open_checkpoint(path)
    for name in checkpoint.names():
        with np.errstate(all="ignore"):
            checkpoint.get(name)
            checkpoint.coded(name)


@pytest.mark.parametrize("count", COUNTS)
def test_safetensors(tmp_path: Path, count: int) -> None:
    seeds = []
    for dtype in ("fp32", "bf16"):
        write_checkpoint(tmp_path, SMALL, random_tensors(SMALL), dtype)
        seeds.append((tmp_path / "model.safetensors").read_bytes())

    def mutate(data: bytes, rng: random.Random) -> bytes:
        """The header alone, whose length is mostly right, or anything."""
        end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
        if rng.random() < 0.3:
            return mutate_bytes(data, rng)
        header = mutate_json(data[LENGTH_BYTES:end], rng)
        return len(header).to_bytes(LENGTH_BYTES, "little") + header + data[end:]

    def read(path: Path) -> None:
        file = SafetensorsFile(path)
        for name in file.names():
            assert file.raw(name).data.nbytes <= path.stat().st_size

    survive(read, tmp_path / "model.safetensors", seeds, mutate, count)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("form", ["safetensors", "pdparams"])
def test_index(tmp_path: Path, form: str, count: int) -> None:
    write_checkpoint(tmp_path, SMALL, random_tensors(SMALL), max_shard_bytes=300, form=form)
    index = next(tmp_path.glob("*.index.json"))
    survive(lambda path: read_all(path.parent), index, [index.read_bytes()], mutate_json, count)


@pytest.mark.parametrize("count", COUNTS)
def test_config(tmp_path: Path, count: int) -> None:
    write_checkpoint(tmp_path, SMALL, random_tensors(SMALL))
    seeds = [(tmp_path / "config.json").read_bytes()]
    seeds += [json.dumps(config.to_dict()).encode() for config in (replace(SMALL, head_dim=4), CONFIGS["llama"])]
    survive(lambda path: read_all(path.parent), tmp_path / "config.json", seeds, mutate_json, count)


@pytest.mark.parametrize("count", COUNTS)
def test_gguf(tmp_path: Path, count: int) -> None:
    """A whole model, with the keys and tensors that it needs."""
    for kind in ("qwen", "llama"):
        make_checkpoint(tmp_path / kind, replace(CONFIGS[kind], num_hidden_layers=1, vocab_size=16))
        write_gguf(tmp_path / f"{kind}.gguf", open_checkpoint(tmp_path / kind))
    seeds = [(tmp_path / f"{kind}.gguf").read_bytes() for kind in ("qwen", "llama")]

    def mutate(data: bytes, rng: random.Random) -> bytes:
        """Mostly what stands before the tensors."""
        if rng.random() < 0.1:
            return mutate_bytes(data, rng)
        end = 2500
        return mutate_bytes(data[:end], rng) + data[end:]

    survive(read_all, tmp_path / "m.gguf", seeds, mutate, count)


@pytest.mark.parametrize("count", COUNTS)
def test_pdparams(tmp_path: Path, count: int) -> None:
    """A whole model, as PaddleNLP writes it."""
    write_checkpoint(tmp_path, SMALL, random_tensors(SMALL), form="pdparams")
    file = tmp_path / "model_state.pdparams"
    survive(lambda path: read_all(path.parent), file, [file.read_bytes()], mutate_bytes, count)
