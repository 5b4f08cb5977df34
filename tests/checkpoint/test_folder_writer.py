from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from sampan.checkpoint import open_checkpoint, write_checkpoint
from sampan.checkpoint.dtypes import from_float32, to_float32
from sampan.config import ModelConfig
from sampan.errors import CheckpointError, ConfigError

Tensors = dict[str, np.ndarray]


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
def test_what_is_written_is_read_back(tmp_path: Path, config: ModelConfig, tensors: Tensors, dtype: str) -> None:
    write_checkpoint(tmp_path / "new" / "m", config, tensors, dtype)
    checkpoint = open_checkpoint(tmp_path / "new" / "m")
    for name, array in tensors.items():
        np.testing.assert_array_equal(checkpoint.get(name), to_float32(from_float32(array, dtype), dtype))
        assert checkpoint.raw(name).dtype == dtype


def test_files_are_those_of_hugging_face(tmp_path: Path, config: ModelConfig, tensors: Tensors) -> None:
    write_checkpoint(tmp_path, config, tensors, "fp32", max_shard_bytes=3000)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    shards = sorted(set(index["weight_map"].values()))
    assert shards == [f"model-{i:05d}-of-{len(shards):05d}.safetensors" for i in range(1, len(shards) + 1)]
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors.index.json", *shards}
    assert index["metadata"]["total_size"] == sum(array.nbytes for array in tensors.values())
    assert index["weight_map"].keys() == tensors.keys()
    for shard in shards:
        stored = load_file(tmp_path / shard)
        assert stored.keys() == {name for name, file in index["weight_map"].items() if file == shard}
        assert sum(array.nbytes for array in stored.values()) <= 3000
    settings = json.loads((tmp_path / "config.json").read_text())
    assert settings["architectures"] == ["Qwen2ForCausalLM"]
    assert settings["torch_dtype"] == "float32"


def test_a_tensor_beyond_the_limit_has_a_file_of_its_own(tmp_path: Path, config: ModelConfig, tensors: Tensors) -> None:
    write_checkpoint(tmp_path, config, tensors, max_shard_bytes=1)
    assert len(list(tmp_path.glob("model-*-of-*.safetensors"))) == len(tensors)
    open_checkpoint(tmp_path)


def test_an_older_checkpoint_of_another_form_is_replaced(tmp_path: Path, config: ModelConfig, tensors: Tensors) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    for max_shard_bytes in (2000, 4000, None, 2000, None):
        tensors = {name: array + 1 for name, array in tensors.items()}
        write_checkpoint(tmp_path, config, tensors, "fp32", max_shard_bytes)
        checkpoint = open_checkpoint(tmp_path)
        np.testing.assert_array_equal(checkpoint.get("model.norm.weight"), tensors["model.norm.weight"])
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors", "tokenizer.json"}


def test_tensors_must_be_those_of_the_configuration(tmp_path: Path, config: ModelConfig, tensors: Tensors) -> None:
    folder = tmp_path / "m"
    cases = [
        ({"model.norm.weight": None}, "m lacks the tensor 'model.norm.weight'"),
        ({"extra": np.zeros(1, np.float32)}, "m: tensor 'extra' is not part of this model"),
        ({"model.norm.weight": np.zeros(9, np.float32)}, r"has shape \[9\], the model needs \[8\]"),
        ({"model.norm.weight": np.zeros(8, np.int8)}, "tensor 'model.norm.weight' does not hold floats"),
    ]
    for change, message in cases:
        changed = {name: array for name, array in {**tensors, **change}.items() if array is not None}
        with pytest.raises(CheckpointError, match=message):
            write_checkpoint(folder, config, changed)
    with pytest.raises(ConfigError, match="dtype='int8' is unknown"):
        write_checkpoint(folder, config, tensors, "int8")
    assert not folder.exists()


def test_a_file_in_the_way_is_reported(tmp_path: Path, config: ModelConfig, tensors: Tensors) -> None:
    (tmp_path / "m").write_text("")
    with pytest.raises(CheckpointError, match="m cannot be made: File exists"):
        write_checkpoint(tmp_path / "m", config, tensors)
