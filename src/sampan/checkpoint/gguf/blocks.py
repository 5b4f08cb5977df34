"""The blocks in which GGUF stores quantised rows, widened to float32 to the bit as ggml does it.

A row is cut into blocks, and a block holds codes and what they are to be multiplied with. d and m are fp16.

=====  ======  =====  ==================================================================================
type   values  bytes  layout, and value
=====  ======  =====  ==================================================================================
Q8_0       32     34  d, 32 codes int8                                        d * q
Q4_0       32     18  d, 16 bytes: values 0-15 low, 16-31 high                d * (q - 8)
Q4_K      256    144  d, m, 12 bytes of scales, 128 bytes                     d * s * q - m * o
Q5_K      256    176  d, m, 12 bytes of scales, 32 bytes of fifth bits, 128   d * s * q - m * o
Q6_K      256    210  128 bytes low, 64 bytes high, 16 scales int8, d         d * s * (q - 32)
=====  ======  =====  ==================================================================================

Source: ggml-quants.c and ggml-common.h of ggml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sampan.checkpoint.dtypes import Float32Array, HalfArray, Int8Array

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class BlockType:
    """How one quantised type is stored.

    Args:
        widen: takes blocks [n, num_bytes] and gives values [n, num_values].
        code_bits: of a code.
        codes: where a value is nothing but a code times its block's scale, and the first two bytes of a block are that:
            gives the codes int8 [n, num_values]; else None.
    """

    name: str
    num_values: int
    num_bytes: int
    widen: Callable[[Bytes], Float32Array]
    code_bits: int
    codes: Callable[[Bytes], Int8Array] | None = None

    def scales(self, blocks: Bytes) -> HalfArray:
        """The scale of each block, fp16 [n]; for types with `codes` only."""
        return np.ascontiguousarray(blocks[:, :2]).view("<f2")[:, 0]


def _half(blocks: Bytes, at: int) -> Float32Array:
    """The fp16 at a byte of each block, [n, 1]."""
    return np.ascontiguousarray(blocks[:, at : at + 2]).view("<f2").astype(np.float32)


def _nibbles(packed: Bytes, run: int) -> Bytes:
    """Codes of 4 bits: of each `run` bytes first the low halves, then the high ones. [n, b] -> [n, b / run, 2, run]."""
    runs = packed.reshape(len(packed), -1, 1, run)
    return np.concatenate([runs & 0x0F, runs >> 4], axis=2)


def _q8_0_codes(blocks: Bytes) -> Int8Array:
    return blocks[:, 2:].view(np.int8)


def _q8_0(blocks: Bytes) -> Float32Array:
    return _q8_0_codes(blocks).astype(np.float32) * _half(blocks, 0)


def narrow_q8_0(values: Float32Array) -> Bytes:
    """Blocks of Q8_0 [n, 34] from values [n, 32], to the bit as ggml quantises: the largest value becomes 127, and
    halves are rounded away from zero."""
    scale = np.abs(values).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale != 0)
    scaled = values * inverse
    whole = np.trunc(scaled)
    whole += np.trunc(np.float32(2) * (scaled - whole))  # both steps are exact, unlike adding a half
    blocks = np.empty((len(values), 34), np.uint8)
    blocks[:, :2] = scale.astype("<f2").view(np.uint8)
    blocks[:, 2:] = whole.astype(np.int8).view(np.uint8)
    return blocks


def _q4_0_codes(blocks: Bytes) -> Int8Array:
    codes = _nibbles(blocks[:, 2:], 16).reshape(len(blocks), 32).view(np.int8)
    codes -= 8
    return codes


def _q4_0(blocks: Bytes) -> Float32Array:
    return _half(blocks, 0) * _q4_0_codes(blocks).astype(np.float32)


def _scales_and_offsets(packed: Bytes) -> tuple[Float32Array, Float32Array]:
    """Eight scales and eight offsets of 6 bits each, from 12 bytes; two of [n, 8, 1].

    The first four of each lie whole in bytes 0-3 and 4-7. Of the last four, the low halves share bytes 8-11, and the
    two high bits lie on top of the first four.
    """
    first, second, shared = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    scales = np.concatenate([first & 0x3F, (shared & 0x0F) | (first >> 6 << 4)], axis=1)
    offsets = np.concatenate([second & 0x3F, (shared >> 4) | (second >> 6 << 4)], axis=1)
    return scales[:, :, None].astype(np.float32), offsets[:, :, None].astype(np.float32)


def _with_offsets(blocks: Bytes, codes: Bytes) -> Float32Array:
    """Q4_K and Q5_K, from codes [n, 8, 32]."""
    scales, offsets = _scales_and_offsets(blocks[:, 4:16])
    scales *= _half(blocks, 0)[:, :, None]
    offsets *= _half(blocks, 2)[:, :, None]
    return (scales * codes.astype(np.float32) - offsets).reshape(len(blocks), 256)


def _q4_k(blocks: Bytes) -> Float32Array:
    return _with_offsets(blocks, _nibbles(blocks[:, 16:], 32).reshape(-1, 8, 32))


def _q5_k(blocks: Bytes) -> Float32Array:
    fifth = blocks[:, None, 16:48] >> np.arange(8, dtype=np.uint8)[:, None] & np.uint8(1)
    return _with_offsets(blocks, _nibbles(blocks[:, 48:], 32).reshape(-1, 8, 32) | fifth << np.uint8(4))


def _q6_k(blocks: Bytes) -> Float32Array:
    low = _nibbles(blocks[:, :128], 64).reshape(-1, 8, 32)
    high = blocks[:, 128:192].reshape(-1, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8)[:, None] & 3
    codes = (low | high.reshape(-1, 8, 32) << 4).astype(np.float32) - 32
    scales = np.ascontiguousarray(blocks[:, 192:208]).view(np.int8).astype(np.float32) * _half(blocks, 208)
    return (scales[:, :, None] * codes.reshape(-1, 16, 16)).reshape(-1, 256)


BLOCK_TYPES: Mapping[int, BlockType] = {
    2: BlockType("Q4_0", 32, 18, _q4_0, 4, _q4_0_codes),
    8: BlockType("Q8_0", 32, 34, _q8_0, 8, _q8_0_codes),
    12: BlockType("Q4_K", 256, 144, _q4_k, 4),
    13: BlockType("Q5_K", 256, 176, _q5_k, 5),
    14: BlockType("Q6_K", 256, 210, _q6_k, 6),
}
"""By ggml's number of the type."""
