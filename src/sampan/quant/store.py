"""The packed store: one safetensors file that holds a model in the layout of `sampan.quant.layout`.

Its metadata:

`header_crc32c`   of everything before the tensor data, taken with eight zeros in this place
`layout`          `LAYOUT`; a file of another layout is refused
`precision`, `formats`   what was asked for, and the format of each matrix
`config`          the model's configuration
`source`          SHA-256 of what it was made from
`crc32c`          of each tensor

Checksums find damage; they are no proof against someone who changes the file on purpose. What a file states is believed
only where it is exactly what Sampan would write.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from sampan import _native
from sampan.checkpoint import Checkpoint
from sampan.checkpoint.safetensors_header import LENGTH_BYTES, Entry, build_header, check_length, parse_header
from sampan.checkpoint.safetensors_writer import atomic_file
from sampan.config import ModelConfig
from sampan.errors import CheckpointError, SampanError
from sampan.quant.layout import LAYOUT, PRECISIONS, choose_formats, lay_out, parts_of
from sampan.quant.model import PackedModel, view_tensors
from sampan.quant.packing import Bytes, Report, num_processors, pack_tensors
from sampan.quant.pages import release
from sampan.strict_json import parse_json_object

NO_CHECKSUM = "0" * 8
REMEDY = "remove the file: Sampan makes it anew from the model's own weights"
HUGE_PAGE = 2 << 20
VERIFY_BYTES = 8 << 20  # a piece of work for one thread


def write_store(
    path: Path,
    checkpoint: Checkpoint,
    precision: str,
    source: str,
    *,
    threads: int | None = None,
    report: Report | None = None,
) -> None:
    """Packs a checkpoint into a file, which takes its name once it is whole.

    Raises:
        CheckpointError: a tensor cannot be packed, or the file cannot be written.
        ConfigError: unknown precision.
    """
    formats = choose_formats(checkpoint.config, precision)
    parts = parts_of(checkpoint.config, formats)
    entries = lay_out(parts)
    metadata = {
        "header_crc32c": NO_CHECKSUM,
        "layout": LAYOUT,
        "precision": precision,
        "formats": json.dumps(formats),
        "config": json.dumps(checkpoint.config.to_dict()),
        "source": source,
        "crc32c": json.dumps(dict.fromkeys(entries, NO_CHECKSUM)),
    }
    header = build_header(entries, metadata)  # of the final length
    _check_space(path.parent, len(header) + max(entry.end for entry in entries.values()))
    checksums = dict.fromkeys(entries, 0)
    with atomic_file(path) as file:
        blocks = _BlockWriter(file.fileno())
        blocks.write(np.frombuffer(header, np.uint8))
        for packed in pack_tensors(checkpoint, parts, entries, threads=threads, report=report):
            size = len(packed.data)
            checksums[packed.name] = _native.crc32c_combine(checksums[packed.name], packed.checksum, size)
            blocks.write(packed.data)
        blocks.flush()
        metadata["crc32c"] = json.dumps({name: f"{checksum:08x}" for name, checksum in checksums.items()})
        metadata["header_crc32c"] = _checksum(build_header(entries, metadata))
        _write_at(file.fileno(), np.frombuffer(build_header(entries, metadata), np.uint8), 0)


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


def _check_space(folder: Path, needed: int) -> None:
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < needed:
        raise CheckpointError(
            f"{folder} has {free / 1e9:.1f} GB free, and the packed weights need {needed / 1e9:.1f} GB",
            remedy="make room, or let SAMPAN_HOME name a folder on a larger disk",
        )


def open_store(path: Path, *, threads: int | None = None) -> PackedModel:
    """Maps a store once all of it has been checked: its size, its header, its layout, the checksum of each tensor.

    Raises:
        CheckpointError: the file is absent, damaged, or no store of this layout.
    """
    try:
        return _open(path, threads or num_processors())
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}", remedy=REMEDY) from error
    except SampanError as error:
        raise CheckpointError(error.message, remedy=REMEDY) from error


def _open(path: Path, threads: int) -> PackedModel:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        prefix = file.read(LENGTH_BYTES)
        check_length(int.from_bytes(prefix, "little"), size, str(path))
        header = prefix + file.read(int.from_bytes(prefix, "little"))
        found, metadata = parse_header(header[LENGTH_BYTES:], size - len(header), str(path))
        config, formats, checksums = _read_metadata(path, header, metadata)
        entries = lay_out(parts_of(config, formats))
        if found != entries or checksums.keys() != entries.keys():
            raise CheckpointError(f"{path}: the tensors are not those of its configuration")
        store = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with suppress(OSError):  # not every system has huge pages
        store.madvise(mmap.MADV_HUGEPAGE)
    data = np.frombuffer(store, np.uint8, offset=len(header))
    _verify(path, data, entries, checksums, threads)
    tensors = view_tensors(data, entries)
    release(tensors["embed_tokens.codes"])  # a step reads a few rows of it: only their pages need to be here
    return PackedModel(config, metadata["precision"], formats, tensors, path, data.nbytes)


def _read_metadata(
    path: Path, header: bytes, metadata: Mapping[str, str]
) -> tuple[ModelConfig, dict[str, str], dict[str, str]]:
    """Configuration, formats and checksums."""
    if metadata.get("layout") != LAYOUT:
        raise CheckpointError(f"{path} is no packed store of the layout {LAYOUT}")
    if metadata.get("header_crc32c") != _checksum(header):
        raise CheckpointError(f"{path} is damaged: the checksum of its header is wrong")
    config_json, formats_json, checksums_json = (metadata.get(key, "") for key in ("config", "formats", "crc32c"))
    config = ModelConfig.from_dict(parse_json_object(config_json.encode(), f"{path}: config"))
    formats = parse_json_object(formats_json.encode(), f"{path}: formats")
    checksums = parse_json_object(checksums_json.encode(), f"{path}: crc32c")
    known = choose_formats(config, metadata.get("precision", ""))
    if formats.keys() != known.keys() or not all(value in PRECISIONS for value in formats.values()):
        raise CheckpointError(f"{path}: the formats are not those of its matrices")
    return config, formats, checksums


def _checksum(header: bytes) -> str:
    """CRC-32C of a header with its own checksum blanked out, as eight hexadecimal digits."""
    field = b'"header_crc32c":"'
    place = header.find(field) + len(field)
    blanked = header[:place] + NO_CHECKSUM.encode() + header[place + len(NO_CHECKSUM) :]
    return f"{_native.crc32c(np.frombuffer(blanked, np.uint8)):08x}"


def _verify(path: Path, data: Bytes, entries: Mapping[str, Entry], checksums: Mapping[str, str], threads: int) -> None:
    """Reads everything once, at the speed of memory, which also brings the pages into this process."""
    with ThreadPoolExecutor(threads) as pool:
        found = dict.fromkeys(entries, 0)
        ranges = list(_ranges(entries))
        results = pool.map(lambda item: _native.crc32c(data[item[1] : item[2]]), ranges)
        for (name, begin, end), checksum in zip(ranges, results, strict=True):
            found[name] = _native.crc32c_combine(found[name], checksum, end - begin)
    for name, checksum in found.items():
        if f"{checksum:08x}" != checksums[name]:
            raise CheckpointError(f"{path} is damaged: the checksum of the tensor {name!r} is wrong")


def _ranges(entries: Mapping[str, Entry]) -> Iterator[tuple[str, int, int]]:
    for name, entry in entries.items():
        for begin in range(entry.begin, entry.end, VERIFY_BYTES):
            yield name, begin, min(begin + VERIFY_BYTES, entry.end)
