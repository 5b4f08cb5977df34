"""Element types of weight files, and the exact way between them and float32."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sampan.errors import ConfigError

Array = npt.NDArray[np.generic]
Float32Array = npt.NDArray[np.float32]
HalfArray = npt.NDArray[np.float16]
Int8Array = npt.NDArray[np.int8]

# What a shape may be; numpy refuses others with errors of its own. Elements count also where a dimension is 0.
MAX_RANK = 8
MAX_ELEMENTS = 2**40

# Conversions run in slices of this many elements, so that their temporaries stay small beside a large tensor.
SLICE = 1 << 20


@dataclass(frozen=True, slots=True)
class DType:
    """An element type: Sampan's name, the name in a safetensors header, and the numpy type that holds its bits."""

    name: str
    code: str
    storage: np.dtype[np.generic]


def _dtype(name: str, code: str, storage: str) -> DType:
    return DType(name, code, np.dtype(storage))


# numpy knows no bfloat16 and no 8-bit floats: unsigned integers hold their bits. Booleans are read as bytes, because a
# file may hold other values than 0 and 1.
DTYPES = (
    _dtype("fp64", "F64", "<f8"),
    _dtype("fp32", "F32", "<f4"),
    _dtype("fp16", "F16", "<f2"),
    _dtype("bf16", "BF16", "<u2"),
    _dtype("fp8_e4m3", "F8_E4M3", "u1"),
    _dtype("fp8_e5m2", "F8_E5M2", "u1"),
    _dtype("int64", "I64", "<i8"),
    _dtype("int32", "I32", "<i4"),
    _dtype("int16", "I16", "<i2"),
    _dtype("int8", "I8", "i1"),
    _dtype("uint64", "U64", "<u8"),
    _dtype("uint32", "U32", "<u4"),
    _dtype("uint16", "U16", "<u2"),
    _dtype("uint8", "U8", "u1"),
    _dtype("bool", "BOOL", "u1"),
)
BY_NAME = {dtype.name: dtype for dtype in DTYPES}
BY_CODE = {dtype.code: dtype for dtype in DTYPES}
FLOAT_DTYPES = ("fp32", "fp16", "bf16")


def is_shape(shape: Sequence[Any]) -> bool:
    """Whether a file may state this shape."""
    if len(shape) > MAX_RANK or not all(type(size) is int and size >= 0 for size in shape):
        return False
    return bool(math.prod(size or 1 for size in shape) <= MAX_ELEMENTS)


def check_float_dtype(dtype: str) -> None:
    """Checks what a caller wants floats to be stored as.

    Raises:
        ConfigError: `dtype` is none of `FLOAT_DTYPES`.
    """
    if dtype not in FLOAT_DTYPES:
        raise ConfigError(f"dtype={dtype!r} is unknown", remedy=f"use {', '.join(FLOAT_DTYPES)}")


def to_float32(data: Array, dtype: str) -> Float32Array:
    """Widens stored elements exactly. `dtype` is one of `FLOAT_DTYPES`; fp32 comes back as it is, without a copy."""
    if dtype != "bf16":
        return data.astype(np.float32, copy=False)
    bits = data.astype(np.uint32)  # bfloat16 is the upper half of a float32
    bits <<= np.uint32(16)
    return bits.view(np.float32)


def from_float32(values: Float32Array, dtype: str) -> Array:
    """Rounds to nearest, ties to even. `dtype` is one of `FLOAT_DTYPES`; fp32 comes back as it is, without a copy.

    Raises:
        OverflowError: a finite value has no finite neighbour in fp16 (above 65504) or bf16 (above 3.39e38).
    """
    if dtype == "fp32":
        return values
    flat = values.reshape(-1)
    out = np.empty(flat.shape, BY_NAME[dtype].storage)
    narrow = _to_bf16 if dtype == "bf16" else _to_fp16
    for start in range(0, flat.size, SLICE):
        out[start : start + SLICE] = narrow(flat[start : start + SLICE])
    return out.reshape(values.shape)


def _to_fp16(values: Float32Array) -> Array:
    with np.errstate(over="raise", under="ignore"):
        try:
            return values.astype(np.float16)
        except FloatingPointError as error:
            raise OverflowError from error


def _to_bf16(values: Float32Array) -> Array:
    bits = values.view(np.uint32)
    # Half of the last kept place, less one where that place is even: a tie then rounds to even.
    rounded = (bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))) >> np.uint32(16)
    finite = np.isfinite(values)
    if np.any(finite & ((rounded & np.uint32(0x7FFF)) == 0x7F80)):
        raise OverflowError
    # Rounding would turn a NaN with only low bits set into an infinity: keep its upper half and make it quiet.
    nan = (bits >> np.uint32(16)) | np.uint32(0x40)
    stored: Array = np.where(np.isnan(values), nan, rounded).astype(np.uint16)
    return stored
