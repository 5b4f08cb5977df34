"""What a checkpoint is to everyone who reads one, whatever the files look like."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from sampan.checkpoint.dtypes import BY_NAME, FLOAT_DTYPES, Array, Float32Array, HalfArray, Int8Array, to_float32
from sampan.config import ModelConfig
from sampan.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class RawTensor:
    """A tensor as it is stored.

    Args:
        dtype: `fp32`, `fp16`, `bf16`, or another name of `sampan.checkpoint.dtypes`.
        shape: a linear weight is [out, in].
        rows: gives the elements from one index of the first axis up to another, read-only; bfloat16 as its bits in
            uint16. A view of the mapped file where the file holds them so; else they are made at each call. Neither
            aligned to the element size nor contiguous for sure.
        file: where it is stored.
        quantised: what it is stored as where the elements are made from a quantised type, such as `Q4_K`; else empty.
        code_bits: of such a type's codes; else 0.
    """

    dtype: str
    shape: tuple[int, ...]
    rows: Callable[[int, int], Array]
    file: Path
    quantised: str = ""
    code_bits: int = 0

    @property
    def data(self) -> Array:
        """All elements, in `shape`; see `rows`."""
        return self.rows(0, self.shape[0]) if self.shape else self.rows(0, 1)

    @property
    def num_bytes(self) -> int:
        """Of all elements."""
        return math.prod(self.shape) * BY_NAME[self.dtype].storage.itemsize


@dataclass(frozen=True, slots=True)
class CodedTensor:
    """A weight [n, k] that is stored as integers: value = code * scale.

    Args:
        bits: of a code, which is in -2 ** (bits - 1) to 2 ** (bits - 1) - 1. Where a format has zero points, codes are
            less those, and have the bits that this takes.
        group_size: values of a row that share one scale; k where a row has one only.
        shape: [n, k].
        rows: gives codes int8 [rows, k] and scales fp16 [rows, k / group_size], from one row up to another; read-only.
        file: where it is stored.
    """

    bits: int
    group_size: int
    shape: tuple[int, int]
    rows: Callable[[int, int], tuple[Int8Array, HalfArray]]
    file: Path


class TensorFile(Protocol):
    """Named tensors in a file, each read when it is asked for."""

    path: Path

    def names(self) -> Sequence[str]:
        """All names, in the order of the file."""

    def get(self, name: str) -> Float32Array:
        """See `Checkpoint.get`."""

    def raw(self, name: str) -> RawTensor:
        """See `Checkpoint.raw`."""

    def coded(self, name: str) -> CodedTensor | None:
        """See `Checkpoint.coded`."""


def widened(tensor: RawTensor, name: str) -> Float32Array:
    """A fresh float32 copy.

    Raises:
        CheckpointError: the tensor does not hold floats.
    """
    if tensor.dtype not in FLOAT_DTYPES:
        raise CheckpointError(
            f"{tensor.file}: tensor {name!r} is stored as {tensor.dtype}", remedy=f"use {', '.join(FLOAT_DTYPES)}"
        )
    return np.array(to_float32(tensor.data, tensor.dtype), order="C", copy=True)


class Checkpoint(Protocol):
    """A configuration and named tensors under Hugging Face's names, each read when it is asked for."""

    config: ModelConfig
    path: Path

    def files(self) -> Sequence[Path]:
        """All files that say what the tensors are."""

    def names(self) -> Sequence[str]:
        """All stored names, in no promised order."""

    def get(self, name: str) -> Float32Array:
        """A fresh float32 copy that the caller may keep and change.

        Raises:
            CheckpointError: no such tensor, not a float, or the file changed since it was opened.
        """

    def raw(self, name: str) -> RawTensor:
        """The stored elements, without a copy where the file holds them so, for packing one tensor at a time. The file
        must not be made shorter while `data` is in use: the system would end the process (SIGBUS).

        Raises:
            CheckpointError: no such tensor, or the file changed since it was opened.
        """

    def coded(self, name: str) -> CodedTensor | None:
        """The integers and scales that a weight is stored as, for taking them over as they are; None where it is stored
        in another way. `raw` and `get` give the floats that they stand for.

        Raises:
            CheckpointError: no such tensor, or the file changed since it was opened.
        """
