"""Quantised folders that lie. Each is refused at once, by name, in little memory."""

from __future__ import annotations

import random
import time
import tracemalloc
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coded_models import CONFIG as TWO_LAYERS
from quantized_folders import (
    as_awq,
    as_gptq,
    as_packed,
    as_plain,
    awq_config,
    compressed_config,
    gptq_config,
    quantized,
    quantized_tensors,
    weights,
    write_folder,
)
from sampan.checkpoint import open_checkpoint
from sampan.errors import SampanError

SECONDS = 5.0
MEGABYTES = 100
CONFIG = replace(TWO_LAYERS, num_hidden_layers=1)
LAYER = "model__layers__0__mlp__up_proj__"  # 128 values to 256
PACKED = compressed_config("pack-quantized", weights(4, 32))
PLAIN = compressed_config("int-quantized", weights(8, -1))
GPTQ, AWQ = gptq_config(4, 32), awq_config(32)
FORMATS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "packed": (PACKED, as_packed, partial(quantized, bits=4, group_size=32)),
    "packed with zero points": (
        compressed_config("pack-quantized", weights(4, 32, False)),
        as_packed,
        partial(quantized, bits=4, group_size=32, symmetric=False),
    ),
    "plain": (PLAIN, as_plain, partial(quantized, bits=8, group_size=-1, scale_dtype="bf16")),
    "gptq": (GPTQ, as_gptq, partial(quantized, bits=4, group_size=32)),
    "awq": (AWQ, as_awq, partial(quantized, bits=4, group_size=32, symmetric=False)),
}


def i32(*shape: int, value: int = 0) -> tuple[str, np.ndarray]:
    return "int32", np.full(shape, value, np.int32)


def f16(*shape: int) -> tuple[str, np.ndarray]:
    return "fp16", np.ones(shape, np.float16)


def shape(*sizes: int) -> tuple[str, np.ndarray]:
    return "int64", np.array(sizes, np.int64)


GROUPS = np.arange(128, dtype=np.int32) // 32
SWAPPED = np.where(GROUPS == 3, 2, GROUPS).astype(np.int32)
LAYERS: list[tuple[str, str, Any, str]] = [
    ("packed", "weight_packed", None, r"weight_shape' is not part of this model|lacks"),
    ("packed", "weight_packed", i32(256, 15), "has weight_packed of"),
    ("packed", "weight_packed", i32(255, 16), "has weight_packed of"),
    ("packed", "weight_packed", i32(0, 16), "has weight_packed of int32"),
    ("packed", "weight_packed", i32(256, 16, 1), "has weight_packed of int32"),
    ("packed", "weight_packed", ("int64", np.zeros((256, 16), np.int64)), "has weight_packed of int64"),
    ("packed", "weight_packed", f16(256, 16), "has weight_packed of fp16"),
    ("packed", "weight_packed", i32(256, 32), "is pack-quantized, symmetric, of 8 bits in groups of 32, and no"),
    ("packed", "weight_shape", None, "lacks weight_shape"),
    ("packed", "weight_shape", shape(256, 129), "weight_shape of"),
    ("packed", "weight_shape", shape(-256, 128), "weight_shape of"),
    ("packed", "weight_shape", shape(256, -128), "weight_shape of"),
    ("packed", "weight_shape", shape(2**62, 128), "weight_shape of"),
    ("packed", "weight_shape", shape(256, 2**62), "weight_shape of"),
    ("packed", "weight_shape", shape(0, 0), "weight_shape of"),
    ("packed", "weight_shape", shape(256, 127), "has rows of 127 values in 4 groups"),
    ("packed", "weight_shape", shape(256, 128, 1), "has weight_shape of int64"),
    ("packed", "weight_shape", f16(2), "has weight_shape of fp16"),
    ("packed", "weight_scale", None, "lacks weight_scale"),
    ("packed", "weight_scale", f16(256, 5), "has rows of 128 values in 5 groups"),
    ("packed", "weight_scale", f16(256, 2), "of 4 bits in groups of 64, and no config group says so"),
    ("packed", "weight_scale", f16(256, 1), "of 4 bits in groups of 128, and no config group says so"),
    ("packed", "weight_scale", f16(256), "of 4 bits in groups of 128, and no config group says so"),
    ("packed", "weight_scale", f16(), "of 4 bits in groups of 128, and no config group says so"),
    ("packed", "weight_scale", f16(255, 4), "has weight_scale of fp16"),
    ("packed", "weight_scale", f16(256, 0), "has weight_scale of fp16"),
    ("packed", "weight_scale", i32(256, 4), "has weight_scale of int32"),
    ("packed", "weight_zero_point", i32(32, 4), "is pack-quantized, asymmetric"),
    ("packed", "weight_g_idx", ("int32", GROUPS[:-1]), "has weight_g_idx of int32"),
    ("packed", "weight_g_idx", ("int32", GROUPS + 1), "has weight_g_idx beyond its 4 groups"),
    ("packed", "weight_g_idx", ("int32", GROUPS - 1), "has weight_g_idx beyond its 4 groups"),
    ("packed", "weight_g_idx", ("int32", SWAPPED), "has weight_g_idx of groups that are not of 32 values each"),
    ("packed", "weight_g_idx", i32(128, value=2**31 - 1), "has weight_g_idx beyond its 4 groups"),
    ("packed", "weight", f16(256, 128), "holds 'model.layers.0.mlp.up_proj.weight' twice, as floats too"),
    ("packed", "input_scale", f16(1), "is not part of this model"),
    ("packed with zero points", "weight_zero_point", None, "is pack-quantized, symmetric"),
    ("packed with zero points", "weight_zero_point", i32(31, 4), "has weight_zero_point of int32"),
    ("packed with zero points", "weight_zero_point", i32(32, 3), "has weight_zero_point of int32"),
    ("packed with zero points", "weight_zero_point", f16(256, 4), "has weight_zero_point of fp16"),
    (
        "packed with zero points",
        "weight_zero_point",
        ("int8", np.zeros((256, 3), np.int8)),
        "weight_zero_point of int8",
    ),
    ("packed with zero points", "weight_zero_point", ("int8", np.full((256, 4), 9, np.int8)), "beyond 4 bits"),
    ("packed with zero points", "weight_zero_point", ("int8", np.full((256, 4), -9, np.int8)), "beyond 4 bits"),
    ("plain", "weight", ("uint8", np.zeros((256, 128), np.uint8)), "has weight of uint8"),
    ("plain", "weight", ("int8", np.zeros((256, 127), np.int8)), "has shape"),
    ("plain", "weight", ("int8", np.zeros(256, np.int8)), "has weight of int8"),
    ("plain", "weight_scale", None, "is stored as int8"),
    ("plain", "weight_scale", f16(256, 4), "of 8 bits in groups of 32, and no config group says so"),
    ("plain", "weight_scale", f16(1), "and no config group says so"),
    ("plain", "weight_scale", ("fp64", np.ones((256, 1))), "has weight_scale of fp64"),
    ("plain", "weight_zero_point", ("int8", np.zeros((256, 1), np.int8)), "asymmetric, of 8 bits"),
    ("gptq", "qweight", None, "is not part of this model|lacks the tensor"),
    ("gptq", "qweight", i32(16, 255), "has qweight of int32"),
    ("gptq", "qweight", i32(17, 256), "has g_idx of int32"),
    ("gptq", "qweight", i32(32, 256), "has g_idx of int32"),
    ("gptq", "qweight", ("int64", np.zeros((16, 256), np.int64)), "has qweight of int64"),
    ("gptq", "qzeros", None, "lacks qzeros"),
    ("gptq", "qzeros", i32(4, 31), "has qzeros of"),
    ("gptq", "qzeros", i32(3, 32), "has qzeros of"),
    ("gptq", "qzeros", i32(4, 64), "has g_idx of int32|has 8 bits"),
    ("gptq", "qzeros", f16(4, 32), "has qzeros of fp16"),
    ("gptq", "scales", None, "lacks scales"),
    ("gptq", "scales", f16(4, 255), "has qzeros of"),
    ("gptq", "scales", f16(0, 256), "has scales of"),
    ("gptq", "scales", i32(4, 256), "has scales of int32"),
    ("gptq", "g_idx", ("int32", GROUPS + 1), "has g_idx beyond its 4 groups"),
    ("gptq", "g_idx", ("int32", -GROUPS), "has g_idx beyond its 4 groups"),
    ("gptq", "g_idx", ("int32", SWAPPED), "has g_idx of groups that are not of 32 values each"),
    ("gptq", "g_idx", ("int32", GROUPS[:64]), "has g_idx of int32"),
    ("gptq", "g_idx", f16(128), "has g_idx of fp16"),
    ("gptq", "weight", f16(256, 128), "twice, as floats too"),
    ("awq", "qweight", i32(128, 31), "has qweight of"),
    ("awq", "qweight", i32(127, 32), "has rows of 127 values in 4 groups"),
    ("awq", "qzeros", None, "lacks qzeros"),
    ("awq", "qzeros", i32(4, 33), "has qzeros of"),
    ("awq", "qzeros", i32(2, 32), "has qzeros of"),
    ("awq", "scales", f16(4, 257), "has scales of"),
    ("awq", "scales", f16(2, 256), "has qzeros of"),
    ("awq", "g_idx", ("int32", GROUPS), "is not part of this model"),
]


@cache
def stored(kind: str) -> Any:
    """A model in that format."""
    _, store, make = FORMATS[kind]
    return quantized_tensors(CONFIG, store, lambda _, n, k: make(n, k))[0]


def read_all(folder: Path) -> None:
    checkpoint = open_checkpoint(folder)
    for name in checkpoint.names():
        checkpoint.get(name)


def refused(folder: Path, message: str) -> None:
    size = (folder / "model.safetensors").stat().st_size
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(SampanError, match=message) as caught:
            read_all(folder)
        assert tracemalloc.get_traced_memory()[1] < size + MEGABYTES * 2**20
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < SECONDS
    assert str(caught.value).startswith(str(folder))
    assert str(caught.value).isprintable()
    assert caught.value.remedy


@pytest.mark.parametrize(("kind", "part", "change", "message"), LAYERS)
def test_layers_that_lie_are_refused(tmp_path: Path, kind: str, part: str, change: Any, message: str) -> None:
    write_folder(tmp_path, CONFIG, FORMATS[kind][0], stored(kind), **{LAYER + part: change})
    refused(tmp_path, message)


def group(**changes: Any) -> dict[str, Any]:
    """The configuration of packed weights with another group."""
    return {**PACKED, "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights(4, 32), **changes}}}


CONFIGS: list[tuple[str, Any, str]] = [
    ("packed", [], r"quantization_config: \[\] is not an object"),
    ("packed", "int4", "quantization_config: 'int4' is not an object"),
    ("packed", {**PACKED, "quant_method": "fp8"}, "quant_method='fp8' is not read"),
    ("packed", {**PACKED, "quant_method": "bitsandbytes"}, "quant_method='bitsandbytes' is not read"),
    ("packed", {**PACKED, "quant_method": ["gptq"]}, "quant_method=.* is not read"),
    ("packed", {**PACKED, "quant_method": None}, "the field 'config_groups' is not known"),
    ("packed", {**PACKED, "quant_method": "gptq"}, "the field 'config_groups' is not known"),
    ("packed", {**PACKED, "format": "float-quantized"}, "format='float-quantized' is not read"),
    ("packed", {**PACKED, "format": "marlin-24"}, "format='marlin-24' is not read"),
    ("packed", {**PACKED, "format": "nvfp4-pack-quantized"}, "format='nvfp4-pack-quantized' is not read"),
    ("packed", {**PACKED, "format": None}, "format=None is not read"),
    ("packed", {**PACKED, "kv_cache_scheme": {"num_bits": 8}}, "kv_cache_scheme=.* is not read"),
    ("packed", {**PACKED, "transform_config": {"r1": {}}}, "transform_config=.* is not read"),
    (
        "packed",
        {**PACKED, "sparsity_config": {"format": "sparse-24-bitmask"}},
        "format='sparse-24-bitmask' is not read",
    ),
    ("packed", {**PACKED, "quantization_status": "calibration"}, "quantization_status='calibration' is not read"),
    ("packed", {**PACKED, "bits": 4}, "the field 'bits' is not known"),
    ("packed", {**PACKED, "config_groups": []}, "is not an object"),
    ("packed", {**PACKED, "config_groups": {}}, "no config group says so"),
    ("packed", {**PACKED, "config_groups": {"W4A16": ["Linear"]}}, "is not an object"),
    ("packed", group(weights=None), "None is not an object"),
    ("packed", group(weights=weights(8, 32)), "of 4 bits in groups of 32, and no config group says so"),
    ("packed", group(weights=weights(4, 64)), "of 4 bits in groups of 32, and no config group says so"),
    ("packed", group(weights={**weights(4, 32), "num_bits": 3}), "num_bits=3 is not read"),
    ("packed", group(weights={**weights(4, 32), "num_bits": 4.0}), "num_bits=4.0 is not read"),
    ("packed", group(weights={**weights(4, 32), "type": "float"}), "type='float' is not read"),
    ("packed", group(weights={**weights(4, 32), "dynamic": True}), "dynamic=True is not read"),
    ("packed", group(weights={**weights(4, 32), "strategy": "block"}), "strategy='block' is not read"),
    ("packed", group(weights={**weights(4, 32), "block_structure": [128, 128]}), "block_structure=.* is not read"),
    ("packed", group(weights={**weights(4, 32), "group_size": 0}), "group_size=0 is not read"),
    ("packed", group(weights={**weights(4, 32), "group_size": "32"}), "group_size='32' is not read"),
    ("packed", group(weights={**weights(4, 32), "group_size": 10**30}), "group_size=1000.* is not read"),
    ("packed", group(weights={**weights(4, 32), "rotate": True}), "the field 'rotate' is not known"),
    ("packed", group(output_activations={"num_bits": 8}), "output_activations=.* is not read"),
    ("packed", group(input_activations={"num_bits": 8, "type": "float", "dynamic": True}), "type='float' is not read"),
    ("packed", group(input_activations={"num_bits": 8, "dynamic": False}), "dynamic=False is not read"),
    ("packed", group(format="naive-quantized"), "format='naive-quantized' is not read"),
    ("packed", group(zeros=0), "the field 'zeros' is not known"),
    ("plain", {**PLAIN, "format": "pack-quantized"}, "is int-quantized, .* no config group says so"),
    ("gptq", {**GPTQ, "bits": 3}, "bits=3 is not read"),
    ("gptq", {**GPTQ, "bits": True}, "bits=True is not read"),
    ("gptq", {**GPTQ, "bits": 8}, "has 4 bits in groups of 32, and quantization_config says otherwise"),
    ("gptq", {**GPTQ, "group_size": 64}, "has 4 bits in groups of 32, and quantization_config says otherwise"),
    ("gptq", {**GPTQ, "group_size": 7}, "group_size=7 is not read"),
    ("gptq", {**GPTQ, "checkpoint_format": "marlin"}, "checkpoint_format='marlin' is not read"),
    ("gptq", {**GPTQ, "is_marlin_format": True}, "is_marlin_format=True is not read"),
    ("gptq", {**GPTQ, "pack_dtype": "int64"}, "pack_dtype='int64' is not read"),
    ("gptq", {**GPTQ, "rotation": "hadamard"}, "rotation='hadamard' is not read"),
    ("gptq", {**GPTQ, "dynamic": [1]}, "is not an object"),
    ("gptq", {**GPTQ, "dynamic": {"+:.*": {"bits": 2}}}, "bits=2 is not read"),
    ("gptq", {**GPTQ, "dynamic": {"+:.*": {"rank": 2}}}, "the field 'rank' is not known"),
    ("gptq", {**GPTQ, "nonsense": 1}, "the field 'nonsense' is not known"),
    ("awq", {**AWQ, "version": "gemv"}, "version='gemv' is not read"),
    ("awq", {**AWQ, "version": "marlin"}, "version='marlin' is not read"),
    ("awq", {**AWQ, "backend": "llm-awq"}, "backend='llm-awq' is not read"),
    ("awq", {**AWQ, "bits": 8}, "bits=8 is not read"),
    ("awq", {**AWQ, "zero_point": False}, "zero_point=False is not read"),
    ("awq", {**AWQ, "group_size": 64}, "has 4 bits in groups of 32"),
]


@pytest.mark.parametrize(("kind", "config", "message"), CONFIGS)
def test_configurations_that_are_not_read_are_refused_by_name(
    tmp_path: Path, kind: str, config: Any, message: str
) -> None:
    write_folder(tmp_path, CONFIG, config, stored(kind))
    refused(tmp_path, message)


def test_quantised_layers_without_a_configuration_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, CONFIG, {}, stored("gptq"))
    refused(tmp_path, "lacks the tensor")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("count", [60, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_changed_folder_is_read_or_refused(tmp_path: Path, kind: str, count: int) -> None:
    write_folder(tmp_path, CONFIG, FORMATS[kind][0], stored(kind))
    path, rng = tmp_path / "model.safetensors", random.Random(kind)
    valid = path.read_bytes()
    header = int.from_bytes(valid[:8], "little") + 8
    for _ in range(count):
        changed = bytearray(valid)
        for _ in range(rng.randint(1, 3)):
            end = header if rng.random() < 0.7 else len(changed)
            changed[rng.randrange(8, end)] = rng.randrange(256)
        path.write_bytes(changed)
        try:
            checkpoint = open_checkpoint(tmp_path)
            for name in checkpoint.names():
                coded = checkpoint.coded(name)
                if coded is not None:
                    coded.rows(0, coded.shape[0])
        except SampanError:
            pass
