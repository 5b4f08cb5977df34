"""What this machine can do at most, read while it is measured.

A reading takes some milliseconds, and other programs can only make it smaller. On a shared machine readings move by a
factor of two within seconds, so that they are spread over the whole run, and the best of them counts.
"""

from __future__ import annotations

from pathlib import Path

from sampan.backends.native import LimitMeter
from sampan.bench.work import Limits
from sampan.machine import read_memory

READING_SECONDS = 0.01  # short enough to fall between two interruptions
NUM_READINGS = 4  # in a row
MIN_BUFFER = 256 * 2**20  # bytes
BUFFER_CACHES = 8  # times the last-level cache: what is left in it of the last round hardly counts
MAX_MEMORY_SHARE = 1 / 4  # of what is available
LAST_LEVEL_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")


class LimitReader:
    """Readings of the limits, on the threads and the instruction set that the model runs on.

    Args:
        num_threads: as many as the model has.
    """

    def __init__(self, num_threads: int) -> None:
        self.buffer_bytes = choose_buffer_bytes()
        self._meter = LimitMeter(num_threads, self.buffer_bytes)
        self._best = (0.0, 0.0, 0.0)
        self.read()

    def read(self) -> None:
        """Takes a few readings of each limit."""
        meter = self._meter
        for _ in range(NUM_READINGS):
            readings = meter.read(READING_SECONDS), meter.int8(READING_SECONDS), meter.fp32(READING_SECONDS)
            read, int8, fp32 = (max(best, reading / 1e9) for best, reading in zip(self._best, readings, strict=True))
            self._best = read, int8, fp32

    @property
    def limits(self) -> Limits:
        """The best so far."""
        return Limits(*self._best)


def choose_buffer_bytes(cache_size: Path = LAST_LEVEL_CACHE) -> int:
    """Of the buffer that is streamed: many times the last-level cache, but never much of the memory."""
    try:
        cache = int(cache_size.read_text(encoding="ascii").strip().removesuffix("K")) * 1024
    except (OSError, ValueError):  # no such cache, or not Linux on x86
        cache = 0
    affordable = int(read_memory().available * MAX_MEMORY_SHARE)
    return min(max(BUFFER_CACHES * cache, MIN_BUFFER), affordable)
