"""Folders with quantised weights, packed code by code as the formats say, and the floats that they stand for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sampan.checkpoint import Checkpoint
from sampan.checkpoint.dtypes import BY_NAME, from_float32, to_float32
from sampan.checkpoint.safetensors.header import Entry, build_header
from sampan.config import ModelConfig
from tiny_checkpoints import random_tensors

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Quantized:
    """A matrix [n, k]: codes in 0 .. 2 ** bits - 1, scales and zero points [n, k / group_size]."""

    bits: int
    codes: Array
    scales: Array
    zeros: Array
    groups: Array  # of each column

    @property
    def differences(self) -> Array:
        return self.codes - self.zeros[:, self.groups]

    @property
    def floats(self) -> Array:
        return self.differences.astype(np.float32) * self.scales[:, self.groups]


def quantized(
    n: int, k: int, bits: int, group_size: int, *, symmetric: bool = True, seed: int = 0, act_order: bool = False,
    scale_dtype: str = "fp16",
) -> Quantized:  # fmt: skip
    """A random one; the scales are numbers that `scale_dtype` holds."""
    rng = np.random.default_rng(seed)
    size = k if group_size == -1 else group_size
    zeros = np.full((n, k // size), 2 ** (bits - 1)) if symmetric else rng.integers(1, 2**bits, (n, k // size))
    scales = from_float32((rng.uniform(0.5, 1.5, (n, k // size)) * 0.01).astype(np.float32), scale_dtype)
    groups = np.arange(k) // size
    return Quantized(
        bits=bits,
        codes=rng.integers(0, 2**bits, (n, k)),
        scales=to_float32(scales, scale_dtype),
        zeros=zeros,
        groups=rng.permutation(groups) if act_order else groups,
    )


def words(codes: Array, bits: int, order: tuple[int, ...] | None = None) -> Array:
    """Codes [rows, columns] to int32 [rows, words], one code at a time; `order` says which column takes each place."""
    per_word = 32 // bits
    packed = np.zeros((len(codes), -(-codes.shape[1] // per_word)), np.uint64)
    for column in range(codes.shape[1]):
        place = column % per_word if order is None else order.index(column % per_word)
        packed[:, column // per_word] |= codes[:, column].astype(np.uint64) << np.uint64(place * bits)
    return packed.astype(np.uint32).view(np.int32)


Store = Callable[[Quantized], dict[str, tuple[str, Array]]]


def as_packed(matrix: Quantized, scale_dtype: str = "fp16") -> dict[str, tuple[str, Array]]:
    """compressed-tensors, `pack-quantized`."""
    parts = {
        "weight_packed": ("int32", words(matrix.codes, matrix.bits)),
        "weight_shape": ("int64", np.array(matrix.codes.shape)),
        "weight_scale": (scale_dtype, from_float32(matrix.scales, scale_dtype)),
    }
    if (matrix.zeros != 2 ** (matrix.bits - 1)).any():
        parts["weight_zero_point"] = ("int32", np.ascontiguousarray(words(matrix.zeros.T, matrix.bits).T))
    if (np.diff(matrix.groups) < 0).any():
        parts["weight_g_idx"] = ("int32", matrix.groups.astype(np.int32))
    return parts


def as_plain(matrix: Quantized, scale_dtype: str = "bf16") -> dict[str, tuple[str, Array]]:
    """compressed-tensors, `int-quantized`."""
    parts = {
        "weight": ("int8", (matrix.codes - 128).astype(np.int8)),
        "weight_scale": (scale_dtype, from_float32(matrix.scales, scale_dtype)),
    }
    if (matrix.zeros != 128).any():
        parts["weight_zero_point"] = ("int8", (matrix.zeros - 128).astype(np.int8))
    return parts


def write_tensors(path: Path, tensors: dict[str, tuple[str, Array]]) -> None:
    """A safetensors file of tensors by name: type and elements, bf16 as its bits."""
    entries, end = {}, 0
    for name, (dtype, array) in tensors.items():
        begin, end = end, end + array.nbytes
        entries[name] = Entry(BY_NAME[dtype], array.shape, begin, end)
    data = b"".join(np.ascontiguousarray(array).tobytes() for _, array in tensors.values())
    path.write_bytes(build_header(entries, {"format": "pt"}) + data)


def is_linear(name: str) -> bool:
    return name.endswith("_proj.weight")


Stored = dict[str, tuple[str, Array]]
Make = Callable[[str, int, int], Quantized | None]


def quantized_tensors(
    config: ModelConfig, store: Store, make: Make, source: Checkpoint | None = None
) -> tuple[Stored, dict[str, Array]]:
    """What a model is stored as, and the floats of all its tensors.

    Args:
        store: the tensors of a layer.
        make: a layer's matrix from its name and shape; None leaves it as bf16.
        source: of the other weights; None takes random ones.
    """
    stored: Stored = {}
    floats: dict[str, Array] = {}
    others = random_tensors(config) if source is None else {name: source.get(name) for name in source.names()}
    for name, values in others.items():
        matrix = make(name, *values.shape) if is_linear(name) else None
        if matrix is None:
            bits = from_float32(values, "bf16")
            stored[name], floats[name] = ("bf16", bits), to_float32(bits, "bf16")
        else:
            layer = name.removesuffix("weight")
            stored |= {layer + suffix: part for suffix, part in store(matrix).items()}
            floats[name] = matrix.floats
    return stored, floats


def write_folder(
    folder: Path, config: ModelConfig, quantization: Any, stored: Stored, **changes: tuple[str, Array] | None
) -> None:
    """A model folder. `changes` are stored tensors by name, with `__` for the dots; None takes one away."""
    changed = {name.replace("__", "."): part for name, part in changes.items()}
    folder.mkdir(parents=True, exist_ok=True)
    both = {**stored, **changed}
    write_tensors(folder / "model.safetensors", {name: part for name, part in both.items() if part is not None})
    (folder / "config.json").write_text(json.dumps({**config.to_dict(), "quantization_config": quantization}))


def write_quantized(
    folder: Path, config: ModelConfig, quantization: Any, store: Store, make: Make, **changes: tuple[str, Array] | None
) -> dict[str, Array]:
    """Both at once."""
    stored, floats = quantized_tensors(config, store, make)
    write_folder(folder, config, quantization, stored, **changes)
    return floats


def weights(bits: int, group_size: int, symmetric: bool = True) -> dict[str, Any]:
    """The arguments of compressed-tensors, as published."""
    strategy = "channel" if group_size == -1 else "group"
    return {
        "actorder": None, "block_structure": None, "dynamic": False, "num_bits": bits, "observer": "minmax",
        "group_size": None if group_size == -1 else group_size, "observer_kwargs": {}, "strategy": strategy,
        "symmetric": symmetric, "type": "int",
    }  # fmt: skip


def compressed_config(format: str, *groups: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The configuration of compressed-tensors, as published; `groups` are arguments of weights."""
    dynamic = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "token", "dynamic": True, "observer": None}
    return {
        "config_groups": {
            f"group_{i}": {
                "input_activations": dynamic if format == "int-quantized" else None,
                "output_activations": None,
                "targets": ["Linear"],
                "weights": arguments,
            }
            for i, arguments in enumerate(groups)
        },
        "format": format,
        "global_compression_ratio": 1.5,
        "ignore": ["lm_head"],
        "kv_cache_scheme": None,
        "quant_method": "compressed-tensors",
        "quantization_status": "compressed",
        **changes,
    }


AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def as_gptq(matrix: Quantized, *, zeros_less: int = 1, scale_dtype: str = "fp16") -> dict[str, tuple[str, Array]]:
    """AutoGPTQ; `zeros_less` is subtracted from zero points."""
    return {
        "qweight": ("int32", np.ascontiguousarray(words(matrix.codes, matrix.bits).T)),
        "qzeros": ("int32", words(matrix.zeros.T - zeros_less, matrix.bits)),
        "scales": (scale_dtype, from_float32(np.ascontiguousarray(matrix.scales.T), scale_dtype)),
        "g_idx": ("int32", matrix.groups.astype(np.int32)),
    }


def as_awq(matrix: Quantized) -> dict[str, tuple[str, Array]]:
    """AutoAWQ, gemm."""
    return {
        "qweight": ("int32", words(matrix.codes.T, 4, AWQ_ORDER)),
        "qzeros": ("int32", words(matrix.zeros.T, 4, AWQ_ORDER)),
        "scales": ("fp16", np.ascontiguousarray(matrix.scales.T.astype(np.float16))),
    }


def gptq_config(bits: int, group_size: int, **changes: Any) -> dict[str, Any]:
    """As published."""
    return {
        "bits": bits, "checkpoint_format": "gptq", "damp_percent": 0.01, "desc_act": False, "group_size": group_size,
        "model_file_base_name": None, "model_name_or_path": None, "quant_method": "gptq", "static_groups": False,
        "sym": True, "true_sequential": True, **changes,
    }  # fmt: skip


def awq_config(group_size: int, **changes: Any) -> dict[str, Any]:
    """As published."""
    return {
        "bits": 4, "group_size": group_size, "modules_to_not_convert": None, "quant_method": "awq", "version": "gemm",
        "zero_point": True, **changes,
    }  # fmt: skip
