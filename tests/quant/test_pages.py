"""Memory in whole pages: only what lies in a file as well is ever dropped."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest

from sampan.errors import ConfigError
from sampan.quant.pages import anonymous_memory, release


def resident(path: Path) -> int:
    """Kilobytes of a mapped file that are in this process's memory."""
    blocks = Path("/proc/self/smaps").read_text().split(str(path))[1:]
    return sum(int(block.split("Rss:")[1].split()[0]) for block in blocks)


def test_pages_of_a_mapped_file_are_dropped_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    content = np.arange(1 << 20, dtype=np.uint32)
    content.tofile(path)
    with path.open("rb") as file:
        mapped = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint32)
    assert mapped.sum() == content.sum()
    before = resident(path)
    release(mapped[1 << 18 : 3 << 18].reshape(512, -1)[1:])
    assert resident(path) <= before - 2000
    assert np.array_equal(mapped, content)


def test_what_lies_nowhere_else_is_kept() -> None:
    memory = anonymous_memory(1 << 20)
    memory[:] = 7
    read_only = memory[:]
    read_only.flags.writeable = False
    for array in (memory, read_only, np.full(100, 7, np.uint8), np.empty(0, np.uint8)):
        release(array)
        assert (array == 7).all()


def test_anonymous_memory_is_zero() -> None:
    memory = anonymous_memory(5000)
    assert memory.shape == (5000,)
    assert not memory.any()


def test_more_memory_than_there_is() -> None:
    with pytest.raises(ConfigError, match=r"need 1000000\.0 GB of memory, and \d+\.\d GB are available"):
        anonymous_memory(10**15)
