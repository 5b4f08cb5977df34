"""Memory in whole pages, which the kernels stream."""

from __future__ import annotations

import mmap
from contextlib import suppress

import numpy as np
import numpy.typing as npt

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
