"""Writes safetensors files so that a reader sees the old file or the whole new one, never a part."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from sampan.checkpoint.atomic import atomic_file
from sampan.checkpoint.base import RawTensor
from sampan.checkpoint.dtypes import BY_NAME, check_float_dtype
from sampan.checkpoint.pieces import Tensor, as_raw, is_float, pieces
from sampan.checkpoint.safetensors.header import Entry, build_header

Report = Callable[[int], None]


def write_safetensors(
    path: str | Path,
    tensors: Mapping[str, Tensor],
    dtype: str = "bf16",
    metadata: Mapping[str, str] | None = None,
    *,
    report: Report | None = None,
) -> None:
    """Writes `tensors`, converting piece by piece.

    Args:
        dtype: how floats are stored: `fp32`, `fp16` or `bf16` (nearest, ties to even). Integers are stored as they are.
        metadata: free text that readers see as `SafetensorsFile.metadata`.
        report: is told of the bytes of each piece that is written.

    Raises:
        ConfigError: unknown `dtype`.
        CheckpointError: a tensor does not fit the type, or the file cannot be written; an older file then stays.
    """
    path = Path(path)
    check_float_dtype(dtype)
    sources = {name: as_raw(tensor, f"{path}: tensor {name!r}") for name, tensor in tensors.items()}
    entries = _lay_out(sources, dtype)
    with atomic_file(path) as file:
        file.write(build_header(entries, metadata or {}))
        for name, entry in entries.items():
            for piece in pieces(sources[name], entry.dtype, f"{path}: tensor {name!r}"):
                file.write(piece.reshape(-1).view(np.uint8).data)
                if report is not None:
                    report(piece.nbytes)


def _lay_out(sources: Mapping[str, RawTensor], dtype: str) -> dict[str, Entry]:
    dtypes = {name: BY_NAME[dtype if is_float(raw) else raw.dtype] for name, raw in sources.items()}
    entries: dict[str, Entry] = {}
    end = 0
    # Wide elements first, so that all of them are aligned; otherwise in the order given.
    for name in sorted(sources, key=lambda name: -dtypes[name].storage.itemsize):
        begin, shape = end, sources[name].shape
        end = begin + math.prod(shape) * dtypes[name].storage.itemsize
        entries[name] = Entry(dtypes[name], shape, begin, end)
    return entries
