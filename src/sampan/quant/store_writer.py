"""Writes packed stores: tensor by tensor, under a name that the file takes once it is whole and on the disk."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from sampan import _native
from sampan.checkpoint import Checkpoint
from sampan.checkpoint.atomic import atomic_file
from sampan.checkpoint.room import check_room
from sampan.quant.layout import data_size, lay_out, parts_of
from sampan.quant.packing import Bytes, Report, expected_losses, pack_tensors
from sampan.quant.pages import HUGE_PAGE
from sampan.quant.requantised import Loss, summarize, tell
from sampan.quant.store_header import StoreHeader
from sampan.quant.taking_over import formats_of

ROOM = "make room, or let SAMPAN_HOME name a folder on a larger disk"


def write_store(
    path: Path,
    checkpoint: Checkpoint,
    precision: str,
    source: str,
    *,
    threads: int | None = None,
    report: Report | None = None,
) -> None:
    """Packs a checkpoint into a file. `source` is the hash of what it is made from.

    Raises:
        CheckpointError: a tensor cannot be packed, or the file cannot be written; an older file then stays.
        ConfigError: unknown precision.
    """
    precision, formats = formats_of(checkpoint, precision)
    parts = parts_of(checkpoint.config, formats)
    entries = lay_out(parts)
    checksums = dict.fromkeys(entries, 0)
    expected = summarize(expected_losses(checkpoint, parts))
    header = StoreHeader(checkpoint.config, precision, formats, source, entries, checksums, expected)
    needed = len(header.to_bytes()) + data_size(entries)
    check_room(path.parent, needed, "the packed weights", ROOM)
    losses: list[Loss] = []
    with atomic_file(path) as file:
        blocks = _BlockWriter(file.fileno())
        blocks.write(_bytes_of(header))
        for packed in pack_tensors(checkpoint, parts, entries, threads=threads, report=report, losses=losses):
            size = len(packed.data)
            checksums[packed.name] = _native.crc32c_combine(checksums[packed.name], packed.checksum, size)
            blocks.write(packed.data)
        blocks.flush()
        found = summarize(losses)
        _write_at(file.fileno(), _bytes_of(replace(header, checksums=checksums, requantised=found)), 0)
    tell(checkpoint.path.name, found)


def _bytes_of(header: StoreHeader) -> Bytes:
    return np.frombuffer(header.to_bytes(), np.uint8)


class _BlockWriter:
    """Writes a file in whole blocks of the size of a huge page: Linux then caches it in huge pages, and maps them."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._block = np.empty(HUGE_PAGE, np.uint8)
        self._filled = 0  # bytes of the block
        self._offset = 0  # of the block in the file

    def write(self, data: Bytes) -> None:
        while len(data):
            part = data[: HUGE_PAGE - self._filled]
            self._block[self._filled : self._filled + len(part)] = part
            self._filled, data = self._filled + len(part), data[len(part) :]
            if self._filled == HUGE_PAGE:
                self.flush()

    def flush(self) -> None:
        _write_at(self._fd, self._block[: self._filled], self._offset)
        self._offset, self._filled = self._offset + self._filled, 0


def _write_at(fd: int, data: Bytes, offset: int) -> None:
    rest = data.data
    while rest:
        count = os.pwrite(fd, rest, offset)
        rest, offset = rest[count:], offset + count
