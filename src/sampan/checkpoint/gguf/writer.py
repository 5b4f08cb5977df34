"""Writes a model as one GGUF file, under the names and keys that llama.cpp's own converter gives it.

Vectors are stored as fp32, as llama.cpp's operators want them, and matrices in one type; a matrix whose rows are no
whole blocks of that type as fp16. Source: docs/gguf.md of ggml; the order of a Llama file's rows is llama.cpp's.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sampan.checkpoint.atomic import atomic_file
from sampan.checkpoint.base import Checkpoint, RawTensor
from sampan.checkpoint.dtypes import BY_NAME, Array, Float32Array
from sampan.checkpoint.gguf.blocks import BLOCK_TYPES, narrow_q8_0
from sampan.checkpoint.gguf.header import ARRAY, BOOL, FLOATS, MAGIC, NUMBERS, TEXT
from sampan.checkpoint.gguf.model import ROPE_FACTORS, gguf_name, is_in_turn
from sampan.checkpoint.pieces import as_raw, pieces
from sampan.checkpoint.room import check_room
from sampan.config import ModelConfig
from sampan.errors import CheckpointError, ConfigError
from sampan.rope import inverse_frequencies

VERSION = 3
ALIGNMENT = 32
UINT32, INT32, FLOAT32, UINT64, INT64, FLOAT64 = 4, 5, 6, 10, 11, 12
MAX_FLOAT32 = 3.4e38
QUANTIZATION_VERSION = 2  # of the blocks
Q8_0 = 8
# ggml's number of each type, and llama.cpp's of a file that is mostly of it.
TYPES = {"q8_0": Q8_0, **{name: kind for kind, name in FLOATS.items()}}
FILE_TYPES = {"fp32": 0, "fp16": 1, "q8_0": 7, "bf16": 32}


def write_gguf(
    path: str | Path,
    checkpoint: Checkpoint,
    dtype: str = "q8_0",
    *,
    name: str = "",
    texts: Mapping[str, Any] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> None:
    """Writes a checkpoint, converting piece by piece.

    Args:
        dtype: of the matrices: `q8_0`, `bf16`, `fp16` or `fp32`.
        name: what the model calls itself.
        texts: the keys of its tokenizer and template, see `sampan.text.gguf_keys`; without them the file works with
            token ids alone.
        report: is told how many bytes of weights are written, and of how many.

    Raises:
        ConfigError: unknown `dtype`.
        CheckpointError: a tensor has values beyond the type, or the file cannot be written; an older file then stays.
    """
    if dtype not in TYPES:
        raise ConfigError(f"dtype={dtype!r} is unknown", remedy=f"use {', '.join(TYPES)}")
    path, config = Path(path), checkpoint.config
    tensors = [_Stored.of(tensor, checkpoint.raw(tensor), dtype, config) for tensor in checkpoint.names()]
    if config.rope_scaling is not None:
        plain = inverse_frequencies(replace(config, rope_scaling=None))
        factors = np.asarray(plain / inverse_frequencies(config), np.float32)
        tensors.append(_Stored(ROPE_FACTORS, as_raw(factors, ROPE_FACTORS), "fp32"))
    keys = {**_config_keys(config, name, dtype), **(texts if texts is not None else _no_texts(config))}
    header = _header(keys, tensors)
    total, done = sum(tensor.num_bytes for tensor in tensors), 0
    check_room(path.parent, len(header) + total, "the weights")
    with atomic_file(path) as file:
        file.write(header)
        for tensor in tensors:
            _pad(file)
            for piece in tensor.blocks(path):
                file.write(piece.reshape(-1).view(np.uint8).data)
                done += piece.nbytes
                if report is not None:
                    report(done, total)
        _pad(file)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A tensor of the file.

    Args:
        head_dim: rows of a head, where a Llama file has their two halves in turn; else 0.
    """

    name: str
    raw: RawTensor
    dtype: str
    head_dim: int = 0

    @classmethod
    def of(cls, name: str, raw: RawTensor, dtype: str, config: ModelConfig) -> _Stored:
        if len(raw.shape) == 1:
            dtype = "fp32"
        elif dtype == "q8_0" and raw.shape[-1] % BLOCK_TYPES[Q8_0].num_values:
            dtype = "fp16"
        return cls(gguf_name(name), raw, dtype, config.head_dim if is_in_turn(name, config) else 0)

    @property
    def num_bytes(self) -> int:
        count = math.prod(self.raw.shape)
        if self.dtype == "q8_0":
            return count // BLOCK_TYPES[Q8_0].num_values * BLOCK_TYPES[Q8_0].num_bytes
        return count * BY_NAME[self.dtype].storage.itemsize

    def blocks(self, path: Path) -> Iterator[Array]:
        """What the file holds of it, piece by piece."""
        what = f"{path}: tensor {self.name!r}"
        held = BY_NAME["fp32" if self.dtype == "q8_0" else self.dtype]
        for piece in pieces(self.raw, held, what, multiple=self.head_dim or 1):
            rows = _in_turn(piece, self.head_dim) if self.head_dim else piece
            yield _quantise(rows, what) if self.dtype == "q8_0" else rows


def _in_turn(rows: Array, head_dim: int) -> Array:
    """Whole heads with the rows of their two halves in turn: llama.cpp rotates neighbours."""
    heads = rows.reshape(-1, 2, head_dim // 2, rows.shape[-1])
    return np.ascontiguousarray(heads.swapaxes(1, 2)).reshape(rows.shape)


def _quantise(rows: Array, what: str) -> Array:
    values: Float32Array = rows.reshape(-1, BLOCK_TYPES[Q8_0].num_values).astype(np.float32, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        blocks = narrow_q8_0(values)
    if not np.isfinite(blocks[:, :2].copy().view("<f2")).all():
        raise CheckpointError(f"{what} has values beyond q8_0, or that are none", remedy="write it as bf16")
    return blocks


def _pad(file: BinaryIO) -> None:
    file.write(bytes(-file.tell() % ALIGNMENT))


# ---- what stands before the tensors


def _config_keys(config: ModelConfig, name: str, dtype: str) -> dict[str, Any]:
    kind = config.model_type
    shape = {
        "vocab_size": config.vocab_size,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "block_count": config.num_hidden_layers,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.key_length": config.head_dim,
        "attention.value_length": config.head_dim,
        "attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        "rope.dimension_count": config.head_dim,
        "rope.freq_base": config.rope_theta,
    }
    return {
        "general.architecture": kind,
        "general.type": "model",
        "general.name": name,
        "general.file_type": FILE_TYPES[dtype],
        "general.quantization_version": QUANTIZATION_VERSION,
        "general.alignment": ALIGNMENT,
        **{f"{kind}.{key}": value for key, value in shape.items()},
    }


def _no_texts(config: ModelConfig) -> dict[str, Any]:
    ids = {"bos_token_id": config.bos_token_id, "eos_token_id": (config.eos_token_ids or (None,))[0]}
    known = {f"tokenizer.ggml.{key}": token_id for key, token_id in ids.items() if token_id is not None}
    return {"tokenizer.ggml.model": "none", **known}


def _header(keys: Mapping[str, Any], tensors: list[_Stored]) -> bytes:
    parts = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(keys))]
    for key, value in keys.items():
        parts += _text(key), *_value(value)
    offset = 0
    for tensor in tensors:
        shape = tensor.raw.shape[::-1]
        parts += _text(tensor.name), struct.pack("<I", len(shape)), struct.pack(f"<{len(shape)}Q", *shape)
        parts.append(struct.pack("<IQ", TYPES[tensor.dtype], offset))
        offset += tensor.num_bytes + -tensor.num_bytes % ALIGNMENT
    return b"".join(parts)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> tuple[bytes, ...]:
    """Type and value. A whole number by itself is unsigned where it can be."""
    if isinstance(value, bool):
        return struct.pack("<IB", BOOL, value), b""
    if isinstance(value, str):
        return struct.pack("<I", TEXT), _text(value)
    if isinstance(value, list):
        if value and isinstance(value[0], str):
            return struct.pack("<IIQ", ARRAY, TEXT, len(value)), b"".join(map(_text, value))
        kind = _kind(value)
        return struct.pack("<IIQ", ARRAY, kind, len(value)), struct.pack(f"<{len(value)}{NUMBERS[kind][1:]}", *value)
    kind = UINT32 if isinstance(value, int) and 0 <= value < 2**32 else _kind([value])
    return struct.pack("<I", kind), struct.pack(NUMBERS[kind], value)


def _kind(numbers: list[Any]) -> int:
    """The narrowest type that llama.cpp looks for and that holds all of them."""
    if any(isinstance(number, float) for number in numbers):
        return FLOAT32 if all(abs(number) < MAX_FLOAT32 or not math.isfinite(number) for number in numbers) else FLOAT64
    least, most = min(numbers, default=0), max(numbers, default=0)
    if least >= -(2**31) and most < 2**31:
        return INT32
    return INT64 if most < 2**63 else UINT64
