"""Opens packed stores: mapped, so that engines share one copy in memory, and only once all of it has been checked."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from sampan import _native
from sampan.checkpoint.mapped_file import release
from sampan.checkpoint.safetensors.header import LENGTH_BYTES, Entry, check_length
from sampan.errors import CheckpointError, SampanError
from sampan.quant.model import PackedModel, view_tensors
from sampan.quant.packing import num_processors
from sampan.quant.store_header import read_header

REMEDY = "remove the file: Sampan makes it anew from the model's own weights"
VERIFY_BYTES = 8 << 20  # a piece of work for one thread


def open_store(path: Path, *, threads: int | None = None) -> PackedModel:
    """Maps a store once its size, its header and the checksum of each tensor are found right.

    Raises:
        CheckpointError: the file is absent, damaged, or no store of this layout.
    """
    return MappedStore(path).verified(threads or num_processors())


class MappedStore:
    """A store whose size and header are right, and whose tensors nobody has looked at yet.

    Raises:
        CheckpointError: the file is absent, damaged, or no store of this layout.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _reporting(path), path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            prefix = file.read(LENGTH_BYTES)
            length = int.from_bytes(prefix, "little")
            check_length(length, size, str(path))
            stored = prefix + file.read(length)
            self._header = read_header(stored, size - len(stored), str(path))
            store = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with suppress(OSError):  # not every system has huge pages
            store.madvise(mmap.MADV_HUGEPAGE)
        self._data = np.frombuffer(store, np.uint8, offset=len(stored))

    @property
    def source(self) -> str:
        """SHA-256 of what it was made from."""
        return self._header.source

    def verified(self, threads: int) -> PackedModel:
        """The model, once the checksum of each tensor is found right.

        That reads everything once, at the speed of memory, which also brings the pages into this process. Nearly all of
        the time the interpreter is free for other threads.

        Raises:
            CheckpointError: a checksum is wrong; names the tensor.
        """
        header = self._header
        ranges = list(_ranges(header.entries))
        checksums = _native.crc32c_ranges(self._data, [(begin, end) for _, begin, end in ranges], threads)
        found = dict.fromkeys(header.entries, 0)
        for (name, begin, end), checksum in zip(ranges, checksums, strict=True):
            found[name] = _native.crc32c_combine(found[name], checksum, end - begin)
        for name, expected in header.checksums.items():
            if found[name] != expected:
                raise CheckpointError(
                    f"{self._path} is damaged: the checksum of the tensor {name!r} is wrong", remedy=REMEDY
                )
        tensors = view_tensors(self._data, header.entries)
        release(tensors["embed_tokens.codes"])  # a step reads a few rows of it only
        return PackedModel(
            header.config,
            header.precision,
            header.formats,
            tensors,
            self._path,
            self._data.nbytes,
            header.requantised,
        )


@contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Turns what can go wrong into errors whose remedy suits a store."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}", remedy=REMEDY) from error
    except SampanError as error:
        raise CheckpointError(error.message, remedy=REMEDY) from error


def _ranges(entries: Mapping[str, Entry]) -> Iterator[tuple[str, int, int]]:
    for name, entry in entries.items():
        for begin in range(entry.begin, entry.end, VERIFY_BYTES):
            yield name, begin, min(begin + VERIFY_BYTES, entry.end)
