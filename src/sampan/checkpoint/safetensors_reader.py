"""One safetensors file, opened lazily: the header is read and checked at once, a tensor when it is asked for."""

from __future__ import annotations

import math
import mmap
import os
import stat
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sampan.checkpoint.base import RawTensor
from sampan.checkpoint.dtypes import FLOAT_DTYPES, SLICE, Array, Float32Array, to_float32
from sampan.checkpoint.safetensors_header import LENGTH_BYTES, Entry, check_length, damaged, parse_header
from sampan.errors import CheckpointError
from sampan.strict_json import FETCH_AGAIN


class SafetensorsFile:
    """A safetensors file. It may be read by several threads.

    `get` reads with system calls rather than through the mmap: where someone cuts the file meanwhile, a short read is
    an error that can be reported, while touching a vanished page ends the process.

    Raises:
        CheckpointError: the file is absent, unreadable, truncated or contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reporting(path):
            if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would block us for ever
                raise CheckpointError(f"{path} is not a file", remedy=FETCH_AGAIN)
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            weakref.finalize(self, os.close, self._fd)
            self._opened = os.fstat(self._fd)
        length = int.from_bytes(self._read(LENGTH_BYTES, 0), "little")
        check_length(length, self._opened.st_size, str(path))
        self._data_start = LENGTH_BYTES + length
        data_size = self._opened.st_size - self._data_start
        self._entries, self.metadata = parse_header(self._read(length, LENGTH_BYTES), data_size, str(path))
        self._map: mmap.mmap | None = None

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
            self._read_into(part, self._data_start + entry.begin + start * stored.itemsize)
            values[start : start + SLICE] = to_float32(part, entry.dtype.name)
        self._check_unchanged()
        return values.reshape(entry.shape)

    def raw(self, name: str) -> RawTensor:
        """See `Checkpoint.raw`."""
        entry = self._entry(name)
        self._check_unchanged()
        if self._map is None:
            with _reporting(self.path):
                self._map = mmap.mmap(self._fd, 0, access=mmap.ACCESS_READ)
        start = self._data_start + entry.begin
        flat = np.frombuffer(self._map, entry.dtype.storage, count=math.prod(entry.shape), offset=start)
        return RawTensor(entry.dtype.name, entry.shape, flat.reshape(entry.shape), self.path)

    def _entry(self, name: str) -> Entry:
        if name not in self._entries:
            raise CheckpointError(f"{self.path} holds no tensor {name!r}", remedy="check the name")
        return self._entries[name]

    def _read(self, size: int, offset: int) -> bytes:
        data = np.empty(size, np.uint8)
        self._read_into(data, offset)
        return data.tobytes()

    def _read_into(self, data: Array, offset: int) -> None:
        rest = data.reshape(-1).view(np.uint8).data
        with _reporting(self.path):
            while rest:
                count = os.preadv(self._fd, [rest], offset)
                if count == 0:
                    raise damaged(str(self.path), "truncated")
                rest, offset = rest[count:], offset + count

    def _check_unchanged(self) -> None:
        with _reporting(self.path):
            now = os.stat(self.path)
        if _identity(now) != _identity(self._opened):
            raise CheckpointError(f"{self.path} was changed while it was open", remedy="load the model again")


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Turns the system's errors into ours."""
    try:
        yield
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise CheckpointError(message, remedy="fetch the file, or check its permissions") from error
