"""Number formats in numpy: what is left of an array once it has gone through one.

Sampan's are those of csrc/include/sampan/pack.h, matmul.h and attention.h; llama.cpp's activations are those that its
x86 kernels quantise to.
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


def groups(x: Array, size: int = GROUP_SIZE) -> Float32Array:
    """[..., k] -> [..., k / size, size]."""
    return x.astype(np.float32, copy=False).reshape(*x.shape[:-1], -1, size)


def absmax_int8(x: Array, size: int = GROUP_SIZE, scale_type: type[np.floating] = np.float32) -> Float32Array:
    """Symmetric int8 with the scale absmax / 127 for each group: activations, and an int8 KV cache."""
    g = groups(x, size)
    exact = np.abs(g).max(axis=-1, keepdims=True) / np.float32(127)
    inverse = np.divide(1, exact, out=np.zeros_like(exact), where=exact > 0)
    return (np.rint(g * inverse) * exact.astype(scale_type).astype(np.float32)).reshape(x.shape)


def int8_weight(w: Array) -> Float32Array:
    """Sampan's int8: of sixteen fp16 scales the one with the least squared error in the group."""
    g = groups(w)
    absmax = np.abs(g).max(axis=-1, keepdims=True)
    candidates = [_fp16_up(absmax / np.float32(127)), *(fp16(absmax / np.float32(127.5 - j / 2)) for j in range(15))]
    best, least = np.zeros_like(g), np.square(g).sum(axis=-1, keepdims=True)
    for scale in candidates:
        rounded = np.clip(np.rint(_divided(g, scale)), -127, 127) * scale
        error = np.square(rounded - g).sum(axis=-1, keepdims=True)
        best, least = np.where(error < least, rounded, best), np.minimum(error, least)
    return best.reshape(w.shape)


def int4_weight(w: Array, importance: Array | None = None) -> Float32Array:
    """Sampan's int4: codes -8 ... 7 on the grid that the group's extreme value lies well on, with the best fp16 scale.

    Args:
        importance: weights of the squared errors, like w; None takes all alike.
    """
    g = groups(w)
    share = np.ones_like(g) if importance is None else groups(importance)
    extreme = np.take_along_axis(g, np.abs(g).argmax(axis=-1, keepdims=True), axis=-1)
    best, most = np.zeros_like(g), np.full_like(extreme, -1)
    for j in range(16):
        codes = np.clip(np.rint(_divided(g, extreme / np.float32(-8.5 + j / 5))), -8, 7)
        product, square = (share * g * codes).sum(-1, keepdims=True), (share * codes * codes).sum(-1, keepdims=True)
        gain = _divided(product * product, square)
        best, most = np.where(gain > most, codes, best), np.maximum(gain, most)
    scale = fp16(_divided((share * g * best).sum(-1, keepdims=True), (share * best * best).sum(-1, keepdims=True)))
    return (np.clip(np.rint(_divided(g, scale)), -8, 7) * scale).reshape(w.shape)


def q8_0_activation(x: Array) -> Float32Array:
    """llama.cpp's inputs of Q8_0 and Q4_0 matrices: groups of 32 with fp16 scales."""
    return absmax_int8(x, 32, np.float16)


def q8_k_activation(x: Array) -> Float32Array:
    """llama.cpp's inputs of K-format matrices: one fp32 scale for 256 values."""
    return absmax_int8(x, 256)


def _fp16_up(x: Float32Array) -> Float32Array:
    nearest = x.astype(np.float16)
    return np.where(nearest.astype(np.float32) < x, np.nextafter(nearest, np.float16(np.inf)), nearest).astype(
        np.float32
    )


def _divided(x: Float32Array, y: Float32Array) -> Float32Array:
    return np.divide(x, y, out=np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32), where=y != 0)
