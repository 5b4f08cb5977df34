"""Number formats in numpy: what is left of an array once it has gone through one.

They are those of csrc/include/sampan/pack.h, matmul.h and attention.h.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sampan import _native

Array = npt.NDArray[np.floating]
Float32Array = npt.NDArray[np.float32]

GROUP_SIZE = 32
PANEL = 16
NO_SCALES = np.empty(0, np.uint8)


def bf16(x: Array) -> Float32Array:
    """To the nearest bfloat16, ties to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + (0x7FFF + ((bits >> 16) & 1))) & np.uint32(0xFFFF0000)).view(np.float32)


def fp16(x: Array) -> Float32Array:
    """To the nearest half-precision number."""
    return x.astype(np.float16).astype(np.float32)


def absmax_int8(x: Array, size: int = GROUP_SIZE) -> Float32Array:
    """Symmetric int8 with the scale absmax / 127 for each group of the last axis: activations, and an int8 cache."""
    groups = x.astype(np.float32, copy=False).reshape(*x.shape[:-1], -1, size)
    scales = np.abs(groups).max(axis=-1, keepdims=True) / np.float32(127)
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales > 0)
    return (np.rint(groups * inverse) * scales).reshape(x.shape)


def packed_weight(w: Array, precision: str) -> Float32Array:
    """What Sampan's packing kernel leaves of a weight matrix [out, in]; `precision` is int8 or int4."""
    n, k = w.shape
    num_panels = -(-n // PANEL)
    codes = np.empty(num_panels * PANEL * k // (2 if precision == "int4" else 1), np.uint8)
    scales = np.empty((num_panels, k // GROUP_SIZE, PANEL), np.float16)
    source = np.ascontiguousarray(w, np.float32).reshape(-1).view(np.uint8)
    problem = _native.pack_panels([(source, "fp32", NO_SCALES)], k, precision, codes, scales.reshape(-1).view(np.uint8))
    if problem is not None:
        raise ValueError(f"the weights cannot be packed: {problem[0]}")
    return unpacked(codes, scales, precision)[:n]


def unpacked(codes: npt.NDArray[np.uint8], scales: npt.NDArray[np.float16], precision: str) -> Float32Array:
    """Weights [rows of all panels, k] from the layout of csrc/include/sampan/matmul.h."""
    num_panels = len(scales)
    if precision == "int4":  # low nibbles hold the first four of eight inputs, high nibbles the others
        tiles = codes.reshape(num_panels, -1, 1, PANEL, 4)
        codes = np.concatenate([tiles & 15, tiles >> 4], axis=2)
    values = codes.reshape(num_panels, -1, PANEL, 4).astype(np.float32) - (8 if precision == "int4" else 128)
    rows = values.transpose(0, 2, 1, 3).reshape(num_panels * PANEL, -1)
    row_scales = scales.astype(np.float32).transpose(0, 2, 1).reshape(num_panels * PANEL, -1)
    return rows * row_scales.repeat(GROUP_SIZE, axis=1)
