"""A weight that is stored as integers with scales, in any format: the floats that it stands for, and its codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sampan.checkpoint.base import CodedTensor, RawTensor
from sampan.checkpoint.dtypes import SLICE, Array, Float32Array, HalfArray, Int8Array, to_float32
from sampan.checkpoint.mapped_file import release

IntArray = npt.NDArray[Any]
Rows = Callable[[int, int], IntArray]
FloatRows = Callable[[int, int], Float32Array]


@dataclass(frozen=True)
class QuantizedMatrix:
    """A weight [n, k]: value = (code - zero point) * scale, in float32.

    Args:
        bits: of a code.
        group_size: values of a row that share a scale and a zero point; k where a row has one only.
        codes: gives rows [rows, k], unsigned or signed.
        scales: gives [rows, k / group_size].
        zero_points: gives [rows, k / group_size], in the range of the codes; or the one that all groups have.
        groups: which group each value of a row belongs to, [k], where that is not their order (act-order).
        file: for messages: where it is stored.
    """

    shape: tuple[int, int]
    bits: int
    group_size: int
    codes: Rows
    scales: FloatRows
    zero_points: Rows | int
    file: Path
    groups: npt.NDArray[np.int32] | None = None

    def raw(self) -> RawTensor:
        """The floats, made at each call."""
        return RawTensor("fp32", self.shape, self._floats, self.file, f"int{self.bits}", self.bits)

    def get(self) -> Float32Array:
        """All floats, made in pieces."""
        values = np.empty(self.shape, np.float32)
        for begin, end in self._pieces():
            values[begin:end] = self._floats(begin, end)
        return values

    @cached_property
    def coded(self) -> CodedTensor | None:
        """None where its values are no multiples of an fp16 scale by integers of 8 bits, in groups along a row."""
        bits = self.bits if self._is_symmetric() else self.bits + 1
        if self.groups is not None or bits > 8 or not self._has_half_scales():
            return None
        return CodedTensor(bits, self.group_size, self.shape, self._codes_and_scales, self.file)

    def _floats(self, begin: int, end: int) -> Float32Array:
        codes, scales = self.codes(begin, end), self.scales(begin, end)
        zeros = self.zero_points if isinstance(self.zero_points, int) else self.zero_points(begin, end)
        values = codes.astype(np.float32, order="C")
        release(codes)
        if self.groups is not None:  # value by value
            values -= zeros if isinstance(zeros, int) else zeros[:, self.groups]
            values *= scales[:, self.groups]
            return values
        grouped = values.reshape(end - begin, -1, self.group_size)
        grouped -= zeros if isinstance(zeros, int) else zeros[:, :, None].astype(np.float32)
        grouped *= scales[:, :, None]
        return values

    def _codes_and_scales(self, begin: int, end: int) -> tuple[Int8Array, HalfArray]:
        codes = self.codes(begin, end)
        zeros = self.zero_points if isinstance(self.zero_points, int) else self.zero_points(begin, end)[:, :, None]
        # Modulo 256: the difference fits into 8 bits, whatever its parts look like.
        less = codes.view(np.uint8).reshape(end - begin, -1, self.group_size) - np.asarray(zeros).astype(np.uint8)
        release(codes)
        return less.view(np.int8).reshape(end - begin, -1), self.scales(begin, end).astype(np.float16)

    def _is_symmetric(self) -> bool:
        """Whether all zero points are the middle of the codes' range."""
        middle = 0 if self.codes(0, 1).dtype.kind == "i" else 1 << self.bits - 1
        if isinstance(self.zero_points, int):
            return self.zero_points == middle
        return all((self.zero_points(begin, end) == middle).all() for begin, end in self._pieces())

    def _has_half_scales(self) -> bool:
        """Whether fp16 holds all scales as they are; NaN and Inf are left to those who check floats."""
        for begin, end in self._pieces():
            scales = self.scales(begin, end)
            with np.errstate(over="ignore", invalid="ignore"):
                if not np.array_equal(scales.astype(np.float16).astype(np.float32), scales):
                    return False
        return True

    def _pieces(self) -> list[tuple[int, int]]:
        n, k = self.shape
        step = max(SLICE // max(k, 1), 1)
        return [(begin, min(begin + step, n)) for begin in range(0, n, step)]


def unpacked(unpack: Callable[[Array], IntArray], words: Array) -> IntArray:
    """Codes made of words that lie in a mapped file: those are not needed again."""
    codes = unpack(words)
    release(words)
    return codes


def widened_scales(floats: Array, dtype: str) -> Float32Array:
    """The same of scales."""
    values = to_float32(floats, dtype)
    if values is not floats:
        release(floats)
    return values
