"""One GGUF file, opened lazily: keys and the list of tensors at once, a tensor's rows when they are asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sampan.checkpoint.base import CodedTensor, RawTensor, widened
from sampan.checkpoint.dtypes import Array, DType, Float32Array, HalfArray, Int8Array
from sampan.checkpoint.gguf.blocks import BlockType, Bytes
from sampan.checkpoint.gguf.header import GgufHeader, GgufTensor
from sampan.checkpoint.mapped_file import MappedFile, release
from sampan.errors import CheckpointError


class GgufFile:
    """A GGUF file under the names that it uses. Quantised tensors appear as the fp32 that they stand for. It may be
    read by several threads.

    Raises:
        CheckpointError: the file is absent, unreadable, truncated, contradicts itself, or holds a type that is not
            read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = MappedFile(path)
        with memoryview(self._file.mapped()) as data:
            header = GgufHeader(data, str(path))
        self.keys: Mapping[str, Any] = header.keys
        self._tensors = header.tensors

    def names(self) -> Sequence[str]:
        """Names of all tensors, in the order of their data."""
        return list(self._tensors)

    def get(self, name: str) -> Float32Array:
        """See `Checkpoint.get`."""
        return widened(self.raw(name), name)

    def raw(self, name: str) -> RawTensor:
        """See `Checkpoint.raw`."""
        if name not in self._tensors:
            raise CheckpointError(f"{self.path} holds no tensor {name!r}", remedy="check the name")
        tensor, mapped = self._tensors[name], self._file.mapped()
        if isinstance(tensor.stored, DType):
            return RawTensor(
                tensor.stored.name, tensor.shape, lambda begin, end: _rows(tensor, mapped, begin, end), self.path
            )
        return RawTensor(
            "fp32",
            tensor.shape,
            lambda begin, end: _rows(tensor, mapped, begin, end),
            self.path,
            tensor.stored.name,
            tensor.stored.code_bits,
        )

    def coded(self, name: str) -> CodedTensor | None:
        """See `Checkpoint.coded`: blocks that hold codes and one scale are such groups."""
        tensor = self._tensors.get(name)
        if tensor is None:
            raise CheckpointError(f"{self.path} holds no tensor {name!r}", remedy="check the name")
        stored, shape, mapped = tensor.stored, tensor.shape, self._file.mapped()
        if isinstance(stored, DType) or stored.codes is None or len(shape) != 2:
            return None
        codes_of, per_row = stored.codes, shape[1] // stored.num_values

        def rows(begin: int, end: int) -> tuple[Int8Array, HalfArray]:
            blocks = _blocks(tensor, mapped, begin * per_row, end * per_row, stored)
            codes, scales = codes_of(blocks).reshape(-1, shape[1]), stored.scales(blocks).reshape(-1, per_row)
            release(blocks)
            return codes, scales

        return CodedTensor(stored.code_bits, stored.num_values, (shape[0], shape[1]), rows, self.path)


def _rows(tensor: GgufTensor, mapped: Any, begin: int, end: int) -> Array:
    stored, row_shape = tensor.stored, tensor.shape[1:]
    row_values = math.prod(row_shape)
    if isinstance(stored, BlockType):
        # A vector's rows are single values: its blocks are widened whole.
        if not row_shape:
            return _widened(tensor, mapped, 0, tensor.shape[0] // stored.num_values, stored)[begin:end]
        blocks = row_values // stored.num_values
        return _widened(tensor, mapped, begin * blocks, end * blocks, stored).reshape(-1, *row_shape)
    start = tensor.begin + begin * row_values * stored.storage.itemsize
    flat = np.frombuffer(mapped, stored.storage, count=(end - begin) * row_values, offset=start)
    return flat.reshape(end - begin, *row_shape)


def _widened(tensor: GgufTensor, mapped: Any, first: int, last: int, stored: BlockType) -> Float32Array:
    blocks = _blocks(tensor, mapped, first, last, stored)
    values = stored.widen(blocks).reshape(-1)
    release(blocks)  # nobody else will: what comes out is no view of the file
    return values


def _blocks(tensor: GgufTensor, mapped: Any, first: int, last: int, stored: BlockType) -> Bytes:
    start, count = tensor.begin + first * stored.num_bytes, (last - first) * stored.num_bytes
    return np.frombuffer(mapped, np.uint8, count=count, offset=start).reshape(-1, stored.num_bytes)
