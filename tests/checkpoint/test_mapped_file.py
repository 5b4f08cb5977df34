"""Pages of mapped files: only what lies in a file as well is ever dropped."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

from sampan.checkpoint.mapped_file import release


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
    memory = np.frombuffer(mmap.mmap(-1, 1 << 20), np.uint8)
    memory[:] = 7
    read_only = memory[:]
    read_only.flags.writeable = False
    for array in (memory, read_only, np.full(100, 7, np.uint8), np.empty(0, np.uint8)):
        release(array)
        assert (array == 7).all()
