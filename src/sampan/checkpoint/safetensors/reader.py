"""One safetensors file, opened lazily: the header is read and checked at once, a tensor when it is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sampan.checkpoint.base import RawTensor
from sampan.checkpoint.dtypes import FLOAT_DTYPES, SLICE, Array, Float32Array, to_float32
from sampan.checkpoint.mapped_file import MappedFile
from sampan.checkpoint.safetensors.header import LENGTH_BYTES, Entry, check_length, parse_header
from sampan.errors import CheckpointError


class SafetensorsFile:
    """A safetensors file. It may be read by several threads.

    Raises:
        CheckpointError: the file is absent, unreadable, truncated or contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = MappedFile(path)
        length = int.from_bytes(self._file.read(LENGTH_BYTES, 0), "little")
        check_length(length, self._file.size, str(path))
        self._data_start = LENGTH_BYTES + length
        data_size = self._file.size - self._data_start
        self._entries, self.metadata = parse_header(self._file.read(length, LENGTH_BYTES), data_size, str(path))

    def names(self) -> Sequence[str]:
        """Names of all tensors, in the order of the header."""
        return list(self._entries)

    def get(self, name: str) -> Float32Array:
        """See `Checkpoint.get`."""
        entry = self._entry(name)
        if entry.dtype.name not in FLOAT_DTYPES:
            raise CheckpointError(
                f"{self.path}: tensor {name!r} is stored as {entry.dtype.name}", remedy=f"use {', '.join(FLOAT_DTYPES)}"
            )
        values = np.empty(math.prod(entry.shape), np.float32)
        stored = np.empty(min(SLICE, values.size), entry.dtype.storage)  # so the only large array is the result
        for start in range(0, values.size, SLICE):
            part = stored[: values.size - start]
            self._file.read_into(part, self._data_start + entry.begin + start * stored.itemsize)
            values[start : start + SLICE] = to_float32(part, entry.dtype.name)
        self._file.check_unchanged()
        return values.reshape(entry.shape)

    def raw(self, name: str) -> RawTensor:
        """See `Checkpoint.raw`."""
        entry = self._entry(name)
        start, mapped = self._data_start + entry.begin, self._file.mapped()

        def rows(begin: int, end: int) -> Array:
            flat = np.frombuffer(mapped, entry.dtype.storage, count=math.prod(entry.shape), offset=start)
            return flat.reshape(entry.shape)[begin:end] if entry.shape else flat.reshape(())

        return RawTensor(entry.dtype.name, entry.shape, rows, self.path)

    def coded(self, name: str) -> None:
        """See `Checkpoint.coded`: files of this form hold no such tensors."""

    def _entry(self, name: str) -> Entry:
        if name not in self._entries:
            raise CheckpointError(f"{self.path} holds no tensor {name!r}", remedy="check the name")
        return self._entries[name]
