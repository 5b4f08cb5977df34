from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.checkpoint import open_checkpoint, write_checkpoint, write_safetensors
from sampan.config import ModelConfig
from sampan.errors import CheckpointError, ConfigError

Tensors = dict[str, np.ndarray]
INDEX = "model.safetensors.index.json"


@pytest.fixture
def folder(tmp_path: Path, config: ModelConfig, tensors: Tensors) -> Path:
    write_checkpoint(tmp_path / "m", config, tensors, "fp32")
    return tmp_path / "m"


@pytest.fixture
def sharded(tmp_path: Path, config: ModelConfig, tensors: Tensors) -> Path:
    write_checkpoint(tmp_path / "m", config, tensors, "fp32", max_shard_bytes=2000)
    assert len(list((tmp_path / "m").glob("model-*.safetensors"))) > 2
    return tmp_path / "m"


def edit_index(folder: Path, change) -> None:
    index = json.loads((folder / INDEX).read_text())
    change(index)
    (folder / INDEX).write_text(json.dumps(index))


def test_single_file(folder: Path, config: ModelConfig, tensors: Tensors) -> None:
    checkpoint = open_checkpoint(str(folder))
    assert checkpoint.config == config
    assert checkpoint.path == folder
    assert list(checkpoint.names()) == list(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(checkpoint.get(name), array, strict=True)
        assert checkpoint.raw(name).file == folder / "model.safetensors"


def test_shards(sharded: Path, tensors: Tensors) -> None:
    checkpoint = open_checkpoint(sharded)
    assert set(checkpoint.names()) == set(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(checkpoint.get(name), array, strict=True)
    files = json.loads((sharded / INDEX).read_text())["weight_map"]
    assert all(checkpoint.raw(name).file == sharded / files[name] for name in tensors)
    with pytest.raises(CheckpointError, match="m holds no tensor 'x'"):
        checkpoint.get("x")


def test_links_as_in_the_hub_cache_are_followed(folder: Path, tmp_path: Path) -> None:
    blob = tmp_path / "blobs" / "0123"
    blob.parent.mkdir()
    (folder / "model.safetensors").rename(blob)
    (folder / "model.safetensors").symlink_to(blob)
    open_checkpoint(folder)


def test_missing_parts_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="absent is not a folder"):
        open_checkpoint(tmp_path / "absent")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"holds no model\.safetensors") as caught:
        open_checkpoint(folder)
    assert caught.value.remedy == "pytorch_model.bin is of a form that this version does not read"
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(CheckpointError, match="put the weight files there"):
        open_checkpoint(folder)
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json does not exist"):
        open_checkpoint(folder)


def test_unknown_architecture_names_the_file(folder: Path) -> None:
    data = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**data, "model_type": "gpt2"}))
    with pytest.raises(ConfigError, match=r"config\.json: model_type='gpt2'"):
        open_checkpoint(folder)


def test_single_file_beside_an_index_is_ambiguous(sharded: Path, config: ModelConfig, tensors: Tensors) -> None:
    write_safetensors(sharded / "model.safetensors", tensors)
    with pytest.raises(CheckpointError, match=r"holds model\.safetensors and model\.safetensors\.index\.json"):
        open_checkpoint(sharded)


@pytest.mark.parametrize(
    "shard",
    [
        "../outside.safetensors",
        "/outside.safetensors",
        "sub/model.safetensors",
        "./model.safetensors",
        "..",
        "",
        "model.bin",
        "a\0b.safetensors",
        7,
        None,
    ],
)
def test_an_index_cannot_lead_out_of_its_folder(sharded: Path, config: ModelConfig, tensors: Tensors, shard) -> None:
    write_safetensors(sharded.parent / "outside.safetensors", tensors)
    edit_index(sharded, lambda index: index["weight_map"].update({"model.norm.weight": shard}))
    with pytest.raises(CheckpointError, match="weight_map must map tensors to files beside it"):
        open_checkpoint(sharded)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not readable JSON"),
        ("[]", "not a JSON object"),
        ("{}", "weight_map must map"),
        ('{"weight_map": ["model.norm.weight"]}', "weight_map must map"),
        ('{"weight_map": {"a": "b.safetensors", "a": "c.safetensors"}}', "a key occurs twice"),
        (
            '{"weight_map": {"model.norm.weight": "absent.safetensors"}}',
            "absent.safetensors cannot be read",
        ),
        ('{"weight_map": {}}', "lacks the tensor 'model.embed_tokens.weight' and"),
        ("{" + " " * 4_000_000, "is larger than 4000000 bytes"),
    ],
)
def test_a_damaged_index_is_refused(sharded: Path, text: str, reason: str) -> None:
    (sharded / INDEX).write_text(text)
    with pytest.raises(CheckpointError, match=reason):
        open_checkpoint(sharded)


def test_index_and_shards_must_agree(sharded: Path) -> None:
    def move(index) -> None:
        shards = index["weight_map"]
        shards["model.norm.weight"] = shards["model.embed_tokens.weight"]

    edit_index(sharded, move)
    with pytest.raises(CheckpointError, match=r"model-00001-of-.* lacks the tensor 'model\.norm\.weight', says .*json"):
        open_checkpoint(sharded)


def test_a_tensor_that_the_index_does_not_list_is_refused(sharded: Path) -> None:
    edit_index(sharded, lambda index: index["weight_map"].pop("model.layers.0.mlp.up_proj.weight"))
    with pytest.raises(
        CheckpointError, match=r"is not listed to hold the tensor 'model\.layers\.0\.mlp\.up_proj\.weight'"
    ):
        open_checkpoint(sharded)


def test_a_missing_shard_is_named(sharded: Path) -> None:
    next(sharded.glob("model-00002-of-*")).unlink()
    with pytest.raises(CheckpointError, match=r"model-00002-of-\d+\.safetensors cannot be read: No such file"):
        open_checkpoint(sharded)


edits = st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 255)), min_size=1, max_size=5)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits)
def test_a_damaged_header_is_an_error_or_an_equal_read(folder: Path, tensors: Tensors, changes) -> None:
    path = folder / "model.safetensors"
    sound = path.read_bytes()
    data = bytearray(sound)
    header_end = 8 + int.from_bytes(data[:8], "little")
    for position, byte in changes:
        data[position % header_end] = byte
    try:
        path.write_bytes(data)
        checkpoint = open_checkpoint(folder)
        read = {name: checkpoint.get(name) for name in checkpoint.names()}
    except CheckpointError:
        return
    finally:
        path.write_bytes(sound)
    read = {name: array for name, array in read.items() if not name.endswith("rotary_emb.inv_freq")}
    assert read.keys() == tensors.keys()
    for name, array in tensors.items():
        np.testing.assert_array_equal(read[name], array, strict=True)
