"""Writes a checkpoint as a folder in Hugging Face's form."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sampan.checkpoint.dtypes import BY_NAME, Array, check_float_dtype
from sampan.checkpoint.folder import CONFIG_FILE, INDEX_FILE, SINGLE_FILE
from sampan.checkpoint.safetensors_writer import atomic_file, write_safetensors
from sampan.checkpoint.shapes import check_shapes, expected_tensors
from sampan.config import ModelConfig
from sampan.errors import CheckpointError

TORCH_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
METADATA = {"format": "pt"}  # transformers wants to read this; it stands for row-major [out, in] weights


def write_checkpoint(
    path: str | Path,
    config: ModelConfig,
    tensors: Mapping[str, Array],
    dtype: str = "bf16",
    max_shard_bytes: int | None = None,
) -> None:
    """Writes `config.json` and the weights; weight files of an older checkpoint in that folder are replaced.

    Args:
        tensors: exactly those of `expected_tensors(config)`.
        dtype: `fp32`, `fp16` or `bf16` (nearest, ties to even).
        max_shard_bytes: start another file before one grows beyond this; None writes one file.

    Raises:
        ConfigError: unknown `dtype`.
        CheckpointError: tensors do not fit the configuration, or a file cannot be written.
    """
    folder = Path(path)
    check_float_dtype(dtype)
    shapes = {name: array.shape for name, array in tensors.items()}
    check_shapes(expected_tensors(config), shapes, files=dict.fromkeys(tensors, folder), path=folder)
    integers = [name for name, array in tensors.items() if array.dtype.kind != "f"]
    if integers:
        raise CheckpointError(f"{folder}: tensor {integers[0]!r} does not hold floats", remedy="give float arrays")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be made: {error.strerror}", remedy="choose another folder") from error
    outdated = {folder / SINGLE_FILE, folder / INDEX_FILE, *folder.glob("model-*-of-*.safetensors")}
    sizes = {name: math.prod(shape) * BY_NAME[dtype].storage.itemsize for name, shape in shapes.items()}
    shards = _split(sizes, max_shard_bytes)
    for file_name, names in shards.items():
        write_safetensors(folder / file_name, {name: tensors[name] for name in names}, dtype, METADATA)
        outdated.discard(folder / file_name)
    if len(shards) > 1:
        weight_map = {name: file_name for file_name, names in shards.items() for name in names}
        _write_json(folder / INDEX_FILE, {"metadata": {"total_size": sum(sizes.values())}, "weight_map": weight_map})
        outdated.discard(folder / INDEX_FILE)
    _write_json(folder / CONFIG_FILE, {**config.to_dict(), "torch_dtype": TORCH_DTYPES[dtype]})
    for file in outdated:
        file.unlink(missing_ok=True)


def _split(sizes: Mapping[str, int], max_bytes: int | None) -> dict[str, list[str]]:
    """File name -> tensors in it, in order. A tensor that is larger than `max_bytes` has a file of its own."""
    groups: list[list[str]] = [[]]
    size = 0
    for name, tensor_size in sizes.items():
        if groups[-1] and max_bytes is not None and size + tensor_size > max_bytes:
            groups.append([])
            size = 0
        groups[-1].append(name)
        size += tensor_size
    if len(groups) == 1:
        return {SINGLE_FILE: groups[0]}
    return {f"model-{i:05d}-of-{len(groups):05d}.safetensors": group for i, group in enumerate(groups, start=1)}


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    with atomic_file(path) as file:
        file.write((json.dumps(data, indent=2, sort_keys=True) + "\n").encode())
