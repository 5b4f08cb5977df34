"""Folders of compressed-tensors: every layout as published, and the writer."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coded_models import CONFIG, check_codes, check_floats, coded_model
from quantized_folders import (
    as_packed,
    as_plain,
    compressed_config,
    quantized,
    weights,
    write_quantized,
    write_tensors,
)
from sampan.checkpoint import CodedTensor, SafetensorsFile, open_checkpoint, write_coded_checkpoint
from sampan.errors import CheckpointError


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("group_size", [32, 64, 128, -1])
@pytest.mark.parametrize("bits", [4, 8])
def test_packed_weights(tmp_path: Path, bits: int, group_size: int, symmetric: bool) -> None:
    make = partial(quantized, bits=bits, group_size=group_size, symmetric=symmetric)
    config = compressed_config("pack-quantized", weights(bits, group_size, symmetric))
    floats = write_quantized(tmp_path, CONFIG, config, as_packed, lambda name, n, k: make(n, k, seed=len(name)))
    check_floats(tmp_path, floats)
    name = "model.layers.1.mlp.down_proj.weight"
    coded, matrix = open_checkpoint(tmp_path).coded(name), make(128, 256, seed=len(name))
    if bits == 8 and not symmetric:
        assert coded is None
    else:
        check_codes(coded, matrix, bits + (not symmetric), 256 if group_size == -1 else group_size)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("group_size", [64, -1])
def test_plain_int8(tmp_path: Path, group_size: int, symmetric: bool) -> None:
    make = partial(quantized, bits=8, group_size=group_size, symmetric=symmetric, seed=1, scale_dtype="bf16")
    config = compressed_config("int-quantized", weights(8, group_size, symmetric))
    floats = write_quantized(tmp_path, CONFIG, config, as_plain, lambda _, n, k: make(n, k))
    check_floats(tmp_path, floats)
    coded = open_checkpoint(tmp_path).coded("model.layers.0.self_attn.k_proj.weight")
    if symmetric:
        check_codes(coded, make(64, 128), 8, 128 if group_size == -1 else group_size)
    else:
        assert coded is None


@pytest.mark.parametrize(("strategy", "shape"), [("channel", (-1,)), ("tensor", (1,)), ("tensor", ())])
def test_scales_of_one_axis_or_none(tmp_path: Path, strategy: str, shape: tuple[int, ...]) -> None:
    def make(_: str, n: int, k: int) -> Any:
        matrix = quantized(n, k, 8, -1)
        return matrix if strategy == "channel" else replace(matrix, scales=np.repeat(matrix.scales[:1], n, axis=0))

    def store(matrix: Any) -> dict[str, Any]:
        scales = matrix.scales if strategy == "channel" else matrix.scales[:1]
        return {**as_plain(matrix), "weight_scale": ("fp32", scales.reshape(shape))}

    config = compressed_config("int-quantized", {**weights(8, -1), "strategy": strategy})
    floats = write_quantized(tmp_path, CONFIG, config, store, make)
    check_floats(tmp_path, floats)


@pytest.mark.parametrize("symmetric", [True, False])
def test_columns_in_any_order_have_no_codes_in_groups(tmp_path: Path, symmetric: bool) -> None:
    make = partial(quantized, bits=4, group_size=32, symmetric=symmetric, act_order=True)
    arguments = {**weights(4, 32, symmetric), "actorder": "group"}
    config = compressed_config("pack-quantized", arguments)
    floats = write_quantized(tmp_path, CONFIG, config, as_packed, lambda _, n, k: make(n, k))
    check_floats(tmp_path, floats)
    assert open_checkpoint(tmp_path).coded("model.layers.0.mlp.up_proj.weight") is None


def test_columns_that_were_left_in_order_have_codes(tmp_path: Path) -> None:
    def store(matrix: Any) -> dict[str, Any]:
        return {**as_packed(matrix), "weight_g_idx": ("int32", np.full(matrix.codes.shape[1], -1, np.int32))}

    config = compressed_config("pack-quantized", {**weights(4, 32), "actorder": "weight"})
    floats = write_quantized(tmp_path, CONFIG, config, store, lambda _, n, k: quantized(n, k, 4, 32))
    check_floats(tmp_path, floats)
    assert open_checkpoint(tmp_path).coded("model.layers.0.mlp.up_proj.weight") is not None


def test_scales_that_fp16_does_not_hold_leave_floats(tmp_path: Path) -> None:
    def make(_: str, n: int, k: int) -> Any:
        matrix = quantized(n, k, 8, -1, scale_dtype="bf16")
        scales = matrix.scales.copy()
        scales[-1] = np.float32(2**-26)
        return replace(matrix, scales=scales)

    config = compressed_config("int-quantized", weights(8, -1))
    floats = write_quantized(tmp_path, CONFIG, config, as_plain, make)
    check_floats(tmp_path, floats)
    assert open_checkpoint(tmp_path).coded("model.layers.0.mlp.up_proj.weight") is None


def test_layers_of_several_kinds_and_some_left_as_floats(tmp_path: Path) -> None:
    def make(name: str, n: int, k: int) -> Any:
        return None if "o_proj" in name else quantized(n, k, 8 if "down" in name else 4, 64 if "q_proj" in name else 32)

    config = compressed_config("pack-quantized", weights(4, 32), weights(4, 64), weights(8, 32))
    check_floats(tmp_path, write_quantized(tmp_path, CONFIG, config, as_packed, make))
    checkpoint = open_checkpoint(tmp_path)
    kinds = {}
    for part in ("self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj", "mlp.down_proj"):
        coded = checkpoint.coded(f"model.layers.1.{part}.weight")
        kinds[part] = coded and (coded.bits, coded.group_size)
    assert list(kinds.values()) == [(4, 64), None, (4, 32), (8, 32)]


def test_a_layer_may_lie_in_several_files(tmp_path: Path) -> None:
    config = compressed_config("pack-quantized", weights(4, 32))
    floats = write_quantized(tmp_path, CONFIG, config, as_packed, lambda _, n, k: quantized(n, k, 4, 32))
    split_in_two(tmp_path)
    check_floats(tmp_path, floats)


def split_in_two(folder: Path) -> None:
    """Scales in a file of their own."""
    file = SafetensorsFile(folder / "model.safetensors")
    shards: dict[str, dict[str, Any]] = {"model-1.safetensors": {}, "model-2.safetensors": {}}
    for name in file.names():
        raw = file.raw(name)
        shards[f"model-{1 + name.endswith('scale')}.safetensors"][name] = (raw.dtype, np.array(raw.data))
    for shard, tensors in shards.items():
        write_tensors(folder / shard, tensors)
    weight_map = {name: shard for shard, tensors in shards.items() for name in tensors}
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


# ---- the writer


@pytest.mark.parametrize("max_shard_bytes", [None, 50_000])
def test_what_is_written_comes_back(tmp_path: Path, max_shard_bytes: int | None) -> None:
    tensors, floats = coded_model()
    write_coded_checkpoint(tmp_path, CONFIG, tensors, max_shard_bytes=max_shard_bytes)
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == (max_shard_bytes is not None)
    check_floats(tmp_path, floats)
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.config == CONFIG
    for name, tensor in tensors.items():
        coded = checkpoint.coded(name)
        if not isinstance(tensor, CodedTensor):
            assert coded is None
            continue
        assert coded is not None
        assert (coded.bits, coded.group_size, coded.shape) == (tensor.bits, 32, tensor.shape)
        for got, wanted in zip(coded.rows(0, tensor.shape[0]), tensor.rows(0, tensor.shape[0]), strict=True):
            np.testing.assert_array_equal(got, wanted, strict=True)
    config = json.loads((tmp_path / "config.json").read_text())["quantization_config"]
    assert {group["weights"]["num_bits"]: len(group["targets"]) for group in config["config_groups"].values()} == {
        4: 12,
        8: 2,
    }
    assert config["ignore"] == ["lm_head"]


def test_a_folder_without_all_tensors_is_no_model(tmp_path: Path) -> None:
    tensors, _ = coded_model()
    del tensors["model.layers.1.mlp.up_proj.weight"]
    with pytest.raises(CheckpointError, match=r"lacks the tensor 'model\.layers\.1\.mlp\.up_proj\.weight'"):
        write_coded_checkpoint(tmp_path, CONFIG, tensors)
    assert not (tmp_path / "config.json").exists()


def test_a_file_that_changed_while_open_is_refused(tmp_path: Path) -> None:
    write_coded_checkpoint(tmp_path, CONFIG, coded_model()[0])
    checkpoint = open_checkpoint(tmp_path)
    write_coded_checkpoint(tmp_path, CONFIG, coded_model(1)[0])
    for read in (checkpoint.get, checkpoint.raw, checkpoint.coded):
        with pytest.raises(CheckpointError, match="changed while it was open"):
            read("model.layers.0.mlp.up_proj.weight")
