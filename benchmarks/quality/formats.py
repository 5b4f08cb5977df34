"""Number formats in numpy: what is left of an array once it has gone through one.

They are those of csrc/include/sampan/matmul.h and attention.h; what packing leaves of weights is in
`sampan.quant.rounding`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
Float32Array = npt.NDArray[np.float32]

GROUP_SIZE = 32


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
