"""Tensors on their way into a file: piece by piece, so that a writer never holds one whole."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sampan.checkpoint.base import RawTensor
from sampan.checkpoint.dtypes import BY_NAME, FLOAT_DTYPES, Array, DType, from_float32, to_float32
from sampan.checkpoint.mapped_file import release
from sampan.errors import CheckpointError

PIECE_VALUES = 1 << 22
NUMPY_FLOATS = {"float64": "fp64", "float32": "fp32", "float16": "fp16"}

Tensor = Array | RawTensor
"""What a writer takes: an array, or a tensor of another file."""


def as_raw(tensor: Tensor, what: str) -> RawTensor:
    """A tensor in memory, seen like one of a file.

    Raises:
        CheckpointError: `what` is of a type that no file holds.
    """
    if isinstance(tensor, RawTensor):
        return tensor
    array, name = tensor, NUMPY_FLOATS.get(tensor.dtype.name, tensor.dtype.name)
    if name not in BY_NAME:
        raise CheckpointError(f"{what} of numpy type {array.dtype} cannot be stored", remedy="give floats or integers")
    return RawTensor(name, array.shape, lambda begin, end: array[begin:end] if array.shape else array, Path())


def is_float(raw: RawTensor) -> bool:
    """Whether it holds floats that a writer may store in another type."""
    return raw.dtype in FLOAT_DTYPES or raw.dtype == "fp64"


def pieces(raw: RawTensor, dtype: DType, what: str, *, multiple: int = 1) -> Iterator[Array]:
    """All elements as a file of that type holds them: contiguous rows, a few million values at a time. Pages of a
    mapped source are dropped behind them.

    Args:
        multiple: each piece but the last has a multiple of so many rows.

    Raises:
        CheckpointError: `what` has values beyond the type.
    """
    num_rows = raw.shape[0] if raw.shape else 1
    step = max(PIECE_VALUES // max(math.prod(raw.shape[1:]), 1) // multiple, 1) * multiple
    for begin in range(0, num_rows, step):
        rows = raw.rows(begin, min(begin + step, num_rows))
        yield _stored_as(rows, raw.dtype, dtype, what)
        release(rows)


def _stored_as(rows: Array, stored: str, wanted: DType, what: str) -> Array:
    if stored == wanted.name or stored not in (*FLOAT_DTYPES, "fp64"):
        return np.ascontiguousarray(rows, wanted.storage)
    try:
        return from_float32(np.ascontiguousarray(to_float32(rows, stored)), wanted.name)
    except OverflowError:
        raise CheckpointError(f"{what} has values beyond {wanted.name}", remedy="store it as fp32") from None
