"""Packs the tensors of a checkpoint, piece by piece and in several threads.

A piece is a range of rows of one part, about a million values. Whoever asks for packed data gets it piece by piece,
each with its place, so that nothing larger than a few pieces is ever held; the pages of a mapped checkpoint are given
back as soon as they are packed.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sampan import _native
from sampan.checkpoint import Checkpoint
from sampan.checkpoint.dtypes import Array, to_float32
from sampan.checkpoint.safetensors_header import Entry
from sampan.errors import CheckpointError
from sampan.quant.layout import PADDING, PANEL, Part
from sampan.quant.pages import release

PIECE_VALUES = 1 << 20
WRONG = {
    "not_finite": ("holds NaN or Inf", "the weights are damaged: fetch them again"),
    "too_large": ("holds values that are too large for this precision", "use the precision bf16 or fp32"),
}

Bytes = npt.NDArray[np.uint8]
Write = Callable[[int, Bytes], None]
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows `begin` to `end` of a part."""

    part: Part
    begin: int
    end: int


def pack_tensors(
    checkpoint: Checkpoint,
    parts: Sequence[Part],
    entries: Mapping[str, Entry],
    write: Write,
    *,
    threads: int | None = None,
    report: Report | None = None,
) -> dict[str, int]:
    """Packs every part and hands it out with its offset, in no promised order.

    Args:
        write: takes an offset of `entries` and bytes; is called from several threads.
        threads: None takes one for each processor that this process may use.
        report: is told how many values are packed, and of how many.

    Returns:
        The CRC-32C of each tensor of `entries`.

    Raises:
        CheckpointError: a tensor holds NaN, Inf or a value that the format cannot hold; names file and tensor.
    """
    threads = threads or num_processors()
    total, done = sum(part.n * part.k for part in parts), 0
    checksums = {name: _zeros_checksum(entry) for name, entry in entries.items() if name.startswith(PADDING)}

    def work(piece: _Piece) -> dict[str, tuple[int, int]]:
        checksums = {}
        for name, (offset, data) in _pack(checkpoint, piece, entries).items():
            write(offset, data)
            checksums[name] = _native.crc32c(data), len(data)
        return checksums

    for piece, results in _in_order(work, _pieces(parts), threads):
        for name, (checksum, size) in results.items():
            checksums[name] = _native.crc32c_combine(checksums.get(name, 0), checksum, size)
        done += (min(piece.end, piece.part.n) - piece.begin) * piece.part.k
        if report is not None:
            report(done, total)
    return checksums


def num_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def _zeros_checksum(entry: Entry) -> int:
    return _native.crc32c(np.zeros(entry.end - entry.begin, np.uint8))


def _pieces(parts: Sequence[Part]) -> Iterator[_Piece]:
    for part in parts:
        step = max(PIECE_VALUES // part.k // PANEL, 1) * PANEL
        for begin in range(0, part.num_rows, step):
            yield _Piece(part, begin, min(begin + step, part.num_rows))


def _in_order(
    work: Callable[[_Piece], dict[str, tuple[int, int]]], pieces: Iterator[_Piece], threads: int
) -> Iterator[tuple[_Piece, dict[str, tuple[int, int]]]]:
    """Results in the order of the pieces, with only a few pieces under way."""
    waiting: deque[tuple[_Piece, Future[dict[str, tuple[int, int]]]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for piece in pieces:
                waiting.append((piece, pool.submit(work, piece)))
                if len(waiting) > 2 * threads:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _pack(checkpoint: Checkpoint, piece: _Piece, entries: Mapping[str, Entry]) -> dict[str, tuple[int, Bytes]]:
    """Offset and bytes of what a piece adds to each tensor of its part."""
    part = piece.part
    sources = _sources(checkpoint, piece)
    if part.kind == "vector":
        values = [to_float32(source.data, source.dtype) for source in sources]
        for source, value in zip(sources, values, strict=True):
            if not np.isfinite(value).all():
                raise _wrong(source, "not_finite")
        return {part.name: (entries[part.name].begin + 4 * piece.begin, np.concatenate(values).view(np.uint8))}

    rows = piece.end - piece.begin
    code_bytes, scale_bytes = part.row_bytes()
    codes, scales = np.empty(rows * code_bytes, np.uint8), np.empty(rows * scale_bytes, np.uint8)
    raw = [(np.ascontiguousarray(source.data).reshape(-1).view(np.uint8), source.dtype) for source in sources]
    if part.kind == "rows":
        fault = _native.pack_rows(*raw[0], part.k, part.format, codes, scales)
    else:
        fault = _native.pack_panels(raw, part.k, part.format, codes, scales)
    if fault is not None:
        raise _wrong(sources[fault[1]], fault[0])
    for source in sources:
        release(source.data)
    packed = {part.name + ".codes": (codes, code_bytes), part.name + ".scales": (scales, scale_bytes)}
    return {
        name: (entries[name].begin + piece.begin * row_bytes, data)
        for name, (data, row_bytes) in packed.items()
        if row_bytes
    }


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows of one stored tensor."""

    name: str
    file: Path
    dtype: str
    data: Array


def _sources(checkpoint: Checkpoint, piece: _Piece) -> list[_Source]:
    """The stored rows that a piece is made of."""
    sources, start = [], 0
    for name in piece.part.sources:
        raw = checkpoint.raw(name)
        begin, end = max(piece.begin - start, 0), min(piece.end - start, raw.shape[0])
        if begin < end:
            sources.append(_Source(name, raw.file, raw.dtype, raw.data[begin:end]))
        start += raw.shape[0]
    return sources


def _wrong(source: _Source, fault: str) -> CheckpointError:
    what, remedy = WRONG[fault]
    return CheckpointError(f"{source.file}: tensor {source.name!r} {what}", remedy=remedy)
