"""Memory in whole pages: blocks that the kernels stream, and mapped files whose pages are no longer needed."""

from __future__ import annotations

import mmap
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from sampan.checkpoint.dtypes import Array
from sampan.errors import ConfigError
from sampan.machine import read_memory

HUGE_PAGE = 2 << 20


def anonymous_memory(size: int) -> npt.NDArray[np.uint8]:
    """Zeros, in huge pages where the system has them: without, a decoder spends much of its time looking up pages.

    Raises:
        ConfigError: this machine has not that much memory.
    """
    available = read_memory().available
    if 0 < available < size:
        raise ConfigError(
            f"the weights need {size / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are available",
            remedy="use a smaller model, or a precision of fewer bits",
        )
    memory = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8, count=size)


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
