"""A file of weights that is open: read by offset, mapped where it is wanted, and watched for changes."""

from __future__ import annotations

import mmap
import os
import stat
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sampan.checkpoint.dtypes import Array
from sampan.errors import CheckpointError
from sampan.strict_json import FETCH_AGAIN


def damaged(source: str, reason: str) -> CheckpointError:
    """The error for a file that contradicts itself."""
    return CheckpointError(f"{source}: {reason}", remedy=FETCH_AGAIN)


class MappedFile:
    """An open file. It may be read by several threads.

    `read_into` uses system calls rather than the map: where someone cuts the file meanwhile, a short read is an error
    that can be reported, while touching a vanished page ends the process.

    Raises:
        CheckpointError: the file is absent, unreadable, or no plain file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reporting(path):
            if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would block us for ever
                raise CheckpointError(f"{path} is not a file", remedy=FETCH_AGAIN)
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            weakref.finalize(self, os.close, self._fd)
            self._opened = os.fstat(self._fd)
        self.size = self._opened.st_size
        self._map: mmap.mmap | None = None

    def read(self, size: int, offset: int) -> bytes:
        """`size` bytes from `offset` on.

        Raises:
            CheckpointError: there are fewer.
        """
        data = np.empty(size, np.uint8)
        self.read_into(data, offset)
        return data.tobytes()

    def read_into(self, data: Array, offset: int) -> None:
        """The same into contiguous memory."""
        rest = data.reshape(-1).view(np.uint8).data
        with _reporting(self.path):
            while rest:
                count = os.preadv(self._fd, [rest], offset)
                if count == 0:
                    raise damaged(str(self.path), "truncated")
                rest, offset = rest[count:], offset + count

    def mapped(self) -> mmap.mmap:
        """The whole file, read-only.

        Raises:
            CheckpointError: the file is empty, or changed since it was opened.
        """
        if not self.size:
            raise damaged(str(self.path), "empty")
        self.check_unchanged()
        if self._map is None:
            with _reporting(self.path):
                self._map = mmap.mmap(self._fd, 0, access=mmap.ACCESS_READ)
        return self._map

    def check_unchanged(self) -> None:
        """
        Raises:
            CheckpointError: the file changed since it was opened.
        """
        with _reporting(self.path):
            now = os.stat(self.path)
        if _identity(now) != _identity(self._opened):
            raise CheckpointError(f"{self.path} was changed while it was open", remedy="load the model again")


def release(array: Array) -> None:
    """Drops the pages of an array that lies in a mapped file from this process's memory. They are read again when they
    are touched. An array that lies elsewhere is left alone."""
    owner: object = array
    while isinstance(owner, (np.ndarray, memoryview)):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    if not isinstance(owner, mmap.mmap) or not memoryview(owner).readonly or array.nbytes == 0:
        return  # what can be written to may lie nowhere else
    start = array.ctypes.data - np.frombuffer(owner, np.uint8, count=1).ctypes.data
    extent = sum((size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True)) + array.itemsize
    page = start // mmap.PAGESIZE * mmap.PAGESIZE
    owner.madvise(mmap.MADV_DONTNEED, page, start + extent - page)


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
