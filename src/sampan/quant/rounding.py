"""What packing leaves of a matrix, row by row: for training that is to see what serving computes."""

from __future__ import annotations

import numpy as np

from sampan import _native
from sampan.checkpoint.dtypes import Array, Float32Array, HalfArray, Int8Array, to_float32
from sampan.errors import ConfigError
from sampan.quant.layout import GROUP_SIZE, PANEL, QUANTIZED
from sampan.quant.packing import WRONG, Bytes


def quantized(weight: Float32Array, format: str) -> tuple[Int8Array, HalfArray]:
    """Codes [n, k] and scales [n, k / 32] that the packing kernels find for a matrix [n, k].

    Args:
        format: `int8` or `int4`.

    Raises:
        ConfigError: the matrix holds NaN, Inf or values that are too large; or k is no multiple of 32.
    """
    n, k = weight.shape
    if k % GROUP_SIZE:
        raise ConfigError(f"a matrix with rows of {k} values has no groups of {GROUP_SIZE}", remedy="use bf16 for it")
    num_panels = -(-n // PANEL)
    packed = np.empty(num_panels * PANEL * k // (1 if format == "int8" else 2), np.uint8)
    scales = np.empty((num_panels, k // GROUP_SIZE, PANEL), np.float16)
    source = (_bytes_of(weight), "fp32", np.empty(0, np.uint8))
    _check(_native.pack_panels([source], k, format, packed, _bytes_of(scales)))
    if format == "int8":
        codes = packed.reshape(num_panels, -1, PANEL, 4) - np.uint8(128)
    else:  # low nibbles hold the first four of eight inputs, high nibbles the others
        tiles = packed.reshape(num_panels, -1, 1, PANEL, 4)
        codes = np.concatenate([tiles & 15, tiles >> 4], axis=2).reshape(num_panels, -1, PANEL, 4) - np.uint8(8)
    rows = codes.view(np.int8).transpose(0, 2, 1, 3).reshape(-1, k)
    return rows[:n], scales.transpose(0, 2, 1).reshape(-1, k // GROUP_SIZE)[:n]


def rounded(weight: Float32Array, format: str) -> Float32Array:
    """The matrix [n, k] that is computed with, once `weight` is packed: one of `PRECISIONS`.

    Raises:
        ConfigError: as `quantized` does.
    """
    n, k = weight.shape
    if format in QUANTIZED:
        codes, scales = quantized(weight, format)
        groups = codes.reshape(n, -1, GROUP_SIZE).astype(np.float32) * scales.astype(np.float32)[..., None]
        return groups.reshape(n, k)
    storage = {"bf16": np.uint16, "fp16": np.float16, "fp32": np.float32}[format]
    values = np.empty((n, k), storage)
    _check(_native.pack_rows(_bytes_of(weight), "fp32", k, format, _bytes_of(values), np.empty(0, np.uint8)))
    return to_float32(values, format)


def _bytes_of(array: Array) -> Bytes:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _check(fault: tuple[str, int] | None) -> None:
    if fault is not None:
        raise ConfigError(f"a weight matrix {WRONG[fault[0]][0]}", remedy="lower the learning rate: training diverged")
