"""Writes safetensors files so that a reader sees the old file or the whole new one, never a part."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import numpy as np

from sampan.checkpoint.dtypes import BY_NAME, FLOAT_DTYPES, Array, DType, check_float_dtype, from_float32
from sampan.checkpoint.safetensors_header import Entry, build_header
from sampan.errors import CheckpointError


def write_safetensors(
    path: str | Path, tensors: Mapping[str, Array], dtype: str = "bf16", metadata: Mapping[str, str] | None = None
) -> None:
    """Writes `tensors`, converting one at a time.

    Args:
        dtype: how floats are stored: `fp32`, `fp16` or `bf16` (nearest, ties to even). Integers are stored as they are.
        metadata: free text that readers see as `SafetensorsFile.metadata`.

    Raises:
        ConfigError: unknown `dtype`.
        CheckpointError: a tensor does not fit the type, or the file cannot be written; an older file then stays.
    """
    path = Path(path)
    check_float_dtype(dtype)
    entries = _lay_out(tensors, dtype, path)
    with atomic_file(path) as file:
        file.write(build_header(entries, metadata or {}))
        for name, entry in entries.items():
            stored = stored_as(tensors[name], entry.dtype, f"{path}: tensor {name!r}")
            file.write(stored.reshape(-1).view(np.uint8).data)


def _stored_dtype(array: Array, dtype: str, what: str) -> DType:
    if array.dtype.kind == "f":
        return BY_NAME[dtype]
    if array.dtype.name not in BY_NAME:
        raise CheckpointError(f"{what} of numpy type {array.dtype} cannot be stored", remedy="give floats or integers")
    return BY_NAME[array.dtype.name]


def _lay_out(tensors: Mapping[str, Array], dtype: str, path: Path) -> dict[str, Entry]:
    dtypes = {name: _stored_dtype(array, dtype, f"{path}: tensor {name!r}") for name, array in tensors.items()}
    entries: dict[str, Entry] = {}
    end = 0
    # Wide elements first, so that all of them are aligned; otherwise in the order given.
    for name in sorted(tensors, key=lambda name: -dtypes[name].storage.itemsize):
        begin, shape = end, tensors[name].shape
        end = begin + math.prod(shape) * dtypes[name].storage.itemsize
        entries[name] = Entry(dtypes[name], shape, begin, end)
    return entries


def stored_as(array: Array, dtype: DType, what: str) -> Array:
    """The elements as a file of that type holds them. Raises CheckpointError: `what` has values beyond the type."""
    if dtype.name not in FLOAT_DTYPES:
        return np.ascontiguousarray(array, dtype.storage)
    try:
        return from_float32(np.ascontiguousarray(array, np.float32), dtype.name)
    except OverflowError:
        raise CheckpointError(f"{what} has values beyond {dtype.name}", remedy="store it as fp32") from None


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the name `path` once it is whole and on the disk; after an error nothing changed.

    Raises:
        CheckpointError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            raise CheckpointError(
                f"{path} cannot be written: {error.strerror}", remedy="check the folder, its permissions and free space"
            ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
