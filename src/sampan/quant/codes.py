"""What packing makes of a matrix, as codes and scales that can be computed with and stored: by the same kernels, so
that a weight quantised here is the weight that would be served.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sampan import _native
from sampan.checkpoint.dtypes import Float32Array, HalfArray, Int8Array
from sampan.errors import CheckpointError
from sampan.quant.layout import GROUP_SIZE, PANEL
from sampan.quant.packing import NO_SCALES, WRONG

LEAST_CODE = {"int4": -8, "int8": -127}
LARGEST_CODE = {"int4": 7, "int8": 127}
OFFSET = {"int4": 8, "int8": 128}
PIECE_VALUES = 1 << 22


@dataclass(frozen=True, slots=True)
class Codes:
    """A matrix [n, k] as integers: value = code * scale of its group.

    Args:
        format: `int4` or `int8`.
        codes: [n, k].
        scales: [n, k / 32]; those of int4 may be negative.
    """

    format: str
    codes: Int8Array
    scales: HalfArray

    def values(self) -> Float32Array:
        """[n, k]: what the kernels compute with."""
        values = self.codes.astype(np.float32)
        groups = values.reshape(len(values), -1, GROUP_SIZE)
        groups *= self.scales.astype(np.float32)[:, :, None]
        return values


def quantize_matrix(weight: Float32Array, format: str, name: str) -> Codes:
    """Quantises a matrix [n, k] as packing does, with the scale of least squared error for each group of 32.

    Args:
        format: `int4` or `int8`.
        name: for errors.

    Raises:
        CheckpointError: it holds NaN, Inf or a value that the format cannot hold.
    """
    n, k = weight.shape
    codes, scales = np.empty((n, k), np.int8), np.empty((n, k // GROUP_SIZE), np.float16)
    step = max(PIECE_VALUES // k // PANEL, 1) * PANEL
    for begin in range(0, n, step):
        piece = slice(begin, min(begin + step, n))
        _quantize_rows(weight[piece], format, name, codes[piece], scales[piece])
    return Codes(format, codes, scales)


def as_served(x: Float32Array) -> Float32Array:
    """Inputs [rows, k] of an int8 or int4 matrix as its kernel sees them: rounded to int8, group by group."""
    x = np.ascontiguousarray(x, np.float32)
    rows, k = x.shape
    codes, scales = np.empty((rows, k), np.int8), np.empty((rows, k // GROUP_SIZE), np.float32)
    _native.quantize_rows(x, codes, scales, np.empty(scales.shape, np.int32))
    values = codes.astype(np.float32)
    groups = values.reshape(rows, -1, GROUP_SIZE)
    groups *= scales[:, :, None]
    return values


def _quantize_rows(weight: Float32Array, format: str, name: str, codes: Int8Array, scales: HalfArray) -> None:
    """By way of panels, which are then taken apart: there is one implementation of the search, that of the kernels."""
    n, k = weight.shape
    panels = -(-n // PANEL)
    packed = np.empty(math.prod((panels, PANEL, k)) // (2 if format == "int4" else 1), np.uint8)
    panel_scales = np.empty((panels, k // GROUP_SIZE, PANEL), np.float16)
    source = np.ascontiguousarray(weight, np.float32).reshape(-1).view(np.uint8)
    fault = _native.pack_panels(
        [(source, "fp32", NO_SCALES.view(np.uint8))], k, format, packed, panel_scales.reshape(-1).view(np.uint8)
    )
    if fault is not None:
        what, remedy = WRONG[fault[0]]
        raise CheckpointError(f"tensor {name!r} {what}", remedy=remedy)
    if format == "int4":  # low nibbles hold the first four of eight inputs, high nibbles the others
        tiles = packed.reshape(panels, -1, 1, PANEL, 4)
        packed = np.concatenate([tiles & 15, tiles >> 4], axis=2)
    shifted = packed.reshape(panels, -1, PANEL, 4) - np.uint8(OFFSET[format])
    codes[:] = shifted.view(np.int8).transpose(0, 2, 1, 3).reshape(panels * PANEL, k)[:n]
    scales[:] = panel_scales.transpose(0, 2, 1).reshape(panels * PANEL, -1)[:n]
