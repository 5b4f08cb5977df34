"""Writes quantised models packed as compressed-tensors reads them: Sampan takes the codes over as they are, and
transformers and vLLM read the folder too.

A folder is written shard by shard, each whole or not at all, and becomes a model with its last file, `config.json`. So
a long quantisation can stop after any shard and go on there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sampan.checkpoint.atomic import atomic_file
from sampan.checkpoint.base import CodedTensor, RawTensor, TensorFile
from sampan.checkpoint.dtypes import (
    BY_NAME,
    SLICE,
    Array,
    DType,
    Float32Array,
    check_float_dtype,
    from_float32,
    to_float32,
)
from sampan.checkpoint.folder import CONFIG_FILE, INDEX_FILE, QUANTIZATION, SINGLE_FILE, FolderCheckpoint
from sampan.checkpoint.folder_writer import METADATA, TORCH_DTYPES, make_folder, split, write_json
from sampan.checkpoint.quantized.compressed_tensors import PACKED, PACKED_SUFFIXES, read_packed
from sampan.checkpoint.quantized.matrix import QuantizedMatrix
from sampan.checkpoint.quantized.stored_layer import stored_layers
from sampan.checkpoint.quantized.tensors import with_quantized
from sampan.checkpoint.quantized.words import PACKED_BITS, num_words, pack_rows
from sampan.checkpoint.safetensors.header import Entry, build_header
from sampan.checkpoint.safetensors.reader import SafetensorsFile
from sampan.checkpoint.shapes import expected_tensors, verify
from sampan.config import ModelConfig
from sampan.errors import CheckpointError

Weight = CodedTensor | RawTensor | Float32Array


@dataclass(frozen=True, slots=True)
class _Part:
    """One tensor of a file: what it is, and its data piece by piece."""

    dtype: DType
    shape: tuple[int, ...]
    pieces: Callable[[], Iterator[Array]]


def write_coded_shard(path: str | Path, tensors: Mapping[str, Weight], dtype: str = "bf16") -> None:
    """Writes one file of a model, in pieces.

    Args:
        tensors: by Hugging Face's names. Codes become packed words with fp16 scales: those of at most 4 bits are packed
            as 4, others as 8.
        dtype: how floats are stored: `fp32`, `fp16` or `bf16` (nearest, ties to even).

    Raises:
        ConfigError: unknown `dtype`.
        CheckpointError: values are beyond the type, or the file cannot be written; an older file then stays.
    """
    path = Path(path)
    check_float_dtype(dtype)
    parts: dict[str, _Part] = {}
    for name, tensor in tensors.items():
        parts |= _parts(name, tensor, dtype)
    # Wide elements first, so that all are aligned; codes before the scales that are read with them.
    ordered = dict(sorted(parts.items(), key=lambda item: -item[1].dtype.storage.itemsize))
    entries, end = {}, 0
    for name, part in ordered.items():
        begin, end = end, end + math.prod(part.shape) * part.dtype.storage.itemsize
        entries[name] = Entry(part.dtype, part.shape, begin, end)
    with atomic_file(path) as file:
        file.write(build_header(entries, METADATA))
        for part in ordered.values():
            for piece in part.pieces():
                file.write(np.ascontiguousarray(piece, part.dtype.storage).reshape(-1).view(np.uint8).data)


def finish_coded_folder(folder: str | Path, config: ModelConfig, shards: Sequence[str], dtype: str = "bf16") -> None:
    """Makes a model of written shards: checks that they hold exactly its tensors, then writes the index, where there
    are several, and `config.json`.

    Args:
        shards: names of the files in `folder`; a single one is called `model.safetensors`.
        dtype: as of the shards.

    Raises:
        CheckpointError: a tensor is missing, left over or wrong-shaped, or a file cannot be read or written.
    """
    folder = Path(folder)
    check_float_dtype(dtype)
    files = {shard: SafetensorsFile(folder / shard) for shard in shards}
    tensors: dict[str, TensorFile] = {name: file for file in files.values() for name in file.names()}
    packed = {layer.name: read_packed(layer) for layer in stored_layers(tensors, "weight_packed", PACKED_SUFFIXES)}
    quantization = _quantization_config(config, packed)
    weights = with_quantized(folder / CONFIG_FILE, quantization, tensors, expected_tensors(config))
    verify(FolderCheckpoint(folder, config, weights, []))
    if list(files) != [SINGLE_FILE]:
        total = sum(file.raw(name).num_bytes for file in files.values() for name in file.names())
        weight_map = {name: shard for shard, file in files.items() for name in file.names()}
        write_json(folder / INDEX_FILE, {"metadata": {"total_size": total}, "weight_map": weight_map})
    write_json(
        folder / CONFIG_FILE, {**config.to_dict(), "torch_dtype": TORCH_DTYPES[dtype], QUANTIZATION: quantization}
    )


def write_coded_checkpoint(
    path: str | Path,
    config: ModelConfig,
    tensors: Mapping[str, Weight],
    dtype: str = "bf16",
    max_shard_bytes: int | None = None,
) -> None:
    """Writes a whole model; see `write_coded_shard` and `finish_coded_folder`.

    Args:
        max_shard_bytes: start another file before one grows beyond this; None writes one file.
    """
    folder = Path(path)
    make_folder(folder)
    sizes = {
        name: sum(math.prod(part.shape) * part.dtype.storage.itemsize for part in _parts(name, tensor, dtype).values())
        for name, tensor in tensors.items()
    }
    shards = split(sizes, max_shard_bytes, SINGLE_FILE)
    for shard, names in shards.items():
        write_coded_shard(folder / shard, {name: tensors[name] for name in names}, dtype)
    finish_coded_folder(folder, config, list(shards), dtype)


def _parts(name: str, tensor: Weight, dtype: str) -> dict[str, _Part]:
    """What a tensor is stored as."""
    if isinstance(tensor, CodedTensor):
        return _coded_parts(name.removesuffix("weight"), tensor)
    raw = tensor if isinstance(tensor, RawTensor) else _as_raw(tensor)
    return {name: _Part(BY_NAME[dtype], raw.shape, lambda: _rounded(raw, dtype, name))}


def _coded_parts(layer: str, tensor: CodedTensor) -> dict[str, _Part]:
    n, k = tensor.shape
    bits = next(bits for bits in PACKED_BITS if tensor.bits <= bits)

    def words() -> Iterator[Array]:
        for begin, end in _pieces(tensor.shape):
            codes = tensor.rows(begin, end)[0].view(np.uint8) + np.uint8(1 << bits - 1)
            assert bits == 8 or codes.max(initial=0) < 1 << bits
            yield pack_rows(codes, bits)

    def scales() -> Iterator[Array]:
        for begin, end in _pieces(tensor.shape):
            yield tensor.rows(begin, end)[1]

    return {
        f"{layer}weight_shape": _Part(BY_NAME["int64"], (2,), lambda: iter([np.array([n, k])])),
        f"{layer}weight_packed": _Part(BY_NAME["int32"], (n, num_words(k, bits)), words),
        f"{layer}weight_scale": _Part(BY_NAME["fp16"], (n, k // tensor.group_size), scales),
    }


def _as_raw(values: Float32Array) -> RawTensor:
    return RawTensor("fp32", values.shape, lambda begin, end: values[begin:end], Path())


def _rounded(raw: RawTensor, dtype: str, name: str) -> Iterator[Array]:
    for begin, end in _pieces(raw.shape):
        stored = raw.rows(begin, end)
        if raw.dtype == dtype:
            yield stored
            continue
        try:
            yield from_float32(np.ascontiguousarray(to_float32(stored, raw.dtype)), dtype)
        except OverflowError:
            message = f"tensor {name!r} has values beyond {dtype}"
            raise CheckpointError(message, remedy="store floats as fp32 or bf16") from None


def _pieces(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    step = max(SLICE // max(math.prod(shape[1:]), 1), 1)
    return ((begin, min(begin + step, shape[0])) for begin in range(0, shape[0], step))


def _quantization_config(config: ModelConfig, packed: Mapping[str, QuantizedMatrix]) -> dict[str, Any]:
    """One group of each kind, which names its layers: readers then need no order among patterns."""
    kinds: dict[tuple[int, int | None], list[str]] = {}
    for name, matrix in packed.items():
        size = None if matrix.group_size == matrix.shape[1] else matrix.group_size
        kinds.setdefault((matrix.bits, size), []).append(name)
    linear = [name.removesuffix(".weight") for name in expected_tensors(config) if name.endswith("_proj.weight")]
    return {
        "quant_method": "compressed-tensors",
        "format": PACKED,
        "quantization_status": "compressed",
        "config_groups": {
            f"group_{i}": {"targets": names, "weights": _arguments(bits, size)}
            for i, ((bits, size), names) in enumerate(kinds.items())
        },
        "ignore": [name for name in [*linear, "lm_head"] if name not in packed],
    }


def _arguments(bits: int, group_size: int | None) -> dict[str, Any]:
    strategy = {"strategy": "channel"} if group_size is None else {"strategy": "group", "group_size": group_size}
    return {"num_bits": bits, "type": "int", "symmetric": True, "dynamic": False, **strategy}
