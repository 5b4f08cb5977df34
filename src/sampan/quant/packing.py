"""Packs the tensors of a checkpoint, piece by piece and in several threads.

A piece is a range of rows of one part, about a million values. Packed bytes come out in the order in which they lie in
memory and in a file, so that nothing larger than a few pieces and one matrix's scales is ever held; the pages of a
mapped checkpoint are given back as soon as they are packed.
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
from sampan.checkpoint.mapped_file import release
from sampan.checkpoint.safetensors.header import Entry
from sampan.errors import CheckpointError
from sampan.quant.layout import PADDING, PANEL, QUANTIZED, Part
from sampan.quant.requantised import Loss
from sampan.quant.taking_over import fits, scales_of_groups

PIECE_VALUES = 1 << 20
WRONG = {
    "not_finite": ("holds NaN or Inf", "the weights are damaged: fetch them again"),
    "too_large": ("holds values that are too large for this precision", "use the precision bf16 or fp32"),
}

NO_SCALES = np.empty(0, np.float16)

Bytes = npt.NDArray[np.uint8]
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Packed:
    """The next bytes of a tensor, and their CRC-32C."""

    name: str
    data: Bytes
    checksum: int


_Result = tuple[list[Packed], list[Loss]]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows `begin` to `end` of a part."""

    part: Part
    begin: int
    end: int


def num_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def pack_tensors(
    checkpoint: Checkpoint,
    parts: Sequence[Part],
    entries: Mapping[str, Entry],
    *,
    threads: int | None = None,
    report: Report | None = None,
    losses: list[Loss] | None = None,
) -> Iterator[Packed]:
    """All bytes of `entries`, which are `lay_out(parts)`, in ascending order and without a gap.

    Args:
        threads: None takes one for each processor that this process may use.
        report: is told how many values are packed, and of how many.
        losses: what is lost where something is quantised for the second time is added here.

    Raises:
        CheckpointError: a tensor holds NaN, Inf or a value that the format cannot hold; names file and tensor.
    """
    packed = _pack_parts(checkpoint, parts, threads or num_processors(), report, losses)
    for name, entry in entries.items():
        missing = entry.end - entry.begin
        if name.startswith(PADDING):
            yield _checked(name, np.zeros(missing, np.uint8))
            continue
        while missing:
            item = next(packed)
            assert item.name == name
            yield item
            missing -= len(item.data)
    assert next(packed, None) is None


def _pack_parts(
    checkpoint: Checkpoint,
    parts: Sequence[Part],
    threads: int,
    report: Report | None,
    losses: list[Loss] | None,
) -> Iterator[Packed]:
    """Part by part: first all codes, then all scales."""
    total, done = sum(part.n * part.k for part in parts), 0
    scales: list[Packed] = []
    for piece, ((first, *rest), lost) in _in_order(lambda piece: _pack(checkpoint, piece), _pieces(parts), threads):
        yield first
        scales += rest
        if piece.end == piece.part.num_rows:
            yield from scales
            scales = []
        if losses is not None:
            losses += lost
        done += (min(piece.end, piece.part.n) - piece.begin) * piece.part.k
        if report is not None:
            report(done, total)


def _pieces(parts: Sequence[Part]) -> Iterator[_Piece]:
    for part in parts:
        step = max(PIECE_VALUES // part.k // PANEL, 1) * PANEL
        for begin in range(0, part.num_rows, step):
            yield _Piece(part, begin, min(begin + step, part.num_rows))


def _in_order(
    work: Callable[[_Piece], _Result], pieces: Iterator[_Piece], threads: int
) -> Iterator[tuple[_Piece, _Result]]:
    """Results in the order of the pieces, with only a few pieces under way."""
    waiting: deque[tuple[_Piece, Future[_Result]]] = deque()
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


def _pack(checkpoint: Checkpoint, piece: _Piece) -> _Result:
    """What a piece adds to each tensor of its part, to the codes, and to the scales where there are any; and what was
    lost."""
    part = piece.part
    sources = _sources(checkpoint, piece)
    if part.kind == "vector":
        values = [to_float32(source.data, source.dtype) for source in sources]
        for source, value in zip(sources, values, strict=True):
            if not np.isfinite(value).all():
                raise _wrong(source, "not_finite")
        return [_checked(part.name, np.concatenate(values).view(np.uint8))], []

    rows = piece.end - piece.begin
    codes, scales = (np.empty(rows * row_bytes, np.uint8) for row_bytes in part.row_bytes())
    raw = [(_bytes_of(source.data), source.dtype, _bytes_of(source.scales)) for source in sources]
    again = part.format in QUANTIZED and any(source.quantised for source in sources)
    lost = np.zeros((len(sources), 2)) if again else None
    if part.kind == "rows":
        fault = _native.pack_rows(*raw[0][:2], part.k, part.format, codes, scales)
    else:
        fault = _native.pack_panels(raw, part.k, part.format, codes, scales, losses=lost)
    if fault is not None:
        raise _wrong(sources[fault[1]], fault[0])
    for source in sources:
        release(source.data)
    packed = [_checked(name, data) for name, data in zip(part.tensors(), (codes, scales), strict=False)]
    return packed, [] if lost is None else _losses(part, sources, lost.tolist())


def _losses(part: Part, sources: Sequence[_Source], lost: Sequence[Sequence[float]]) -> list[Loss]:
    return [
        Loss(_kind_of(part, source.name), source.name, source.quantised, part.format, error, total)
        for source, (error, total) in zip(sources, lost, strict=True)
        if source.quantised
    ]


def expected_losses(checkpoint: Checkpoint, parts: Sequence[Part]) -> list[Loss]:
    """What `pack_tensors` will add to its `losses`, without the numbers: one for each tensor."""
    found = []
    for part in parts:
        for name in part.sources if part.format in QUANTIZED else ():
            raw, coded = checkpoint.raw(name), checkpoint.coded(name)
            if raw.quantised and not (coded is not None and fits(coded, part.format)):
                found.append(Loss(_kind_of(part, name), name, raw.quantised, part.format))
    return found


def _kind_of(part: Part, source: str) -> str:
    """What matrices like this one are called: `model.layers.3.mlp.down_proj.weight` -> `down_proj`."""
    return part.name if part.name == "lm_head" else source.split(".")[-2]


def _bytes_of(array: Array) -> Bytes:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _checked(name: str, data: Bytes) -> Packed:
    return Packed(name, data, _native.crc32c(data))


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows of one stored tensor. Codes, whose type is `codes`, have the scales of their groups of 32; floats none. For
    `quantised` see `RawTensor`; what is taken over as it is says nothing."""

    name: str
    file: Path
    dtype: str
    data: Array
    scales: Array
    quantised: str = ""


def _sources(checkpoint: Checkpoint, piece: _Piece) -> list[_Source]:
    """The stored rows that a piece is made of."""
    sources, start = [], 0
    for name in piece.part.sources:
        raw = checkpoint.raw(name)
        begin, end = max(piece.begin - start, 0), min(piece.end - start, raw.shape[0])
        if begin < end:
            coded = checkpoint.coded(name) if piece.part.kind == "panels" else None
            if coded is not None and fits(coded, piece.part.format):
                codes, scales = coded.rows(begin, end)
                sources.append(_Source(name, coded.file, "codes", codes, scales_of_groups(scales, coded.group_size)))
            else:
                sources.append(_Source(name, raw.file, raw.dtype, raw.rows(begin, end), NO_SCALES, raw.quantised))
        start += raw.shape[0]
    return sources


def _wrong(source: _Source, fault: str) -> CheckpointError:
    what, remedy = WRONG[fault]
    return CheckpointError(f"{source.file}: tensor {source.name!r} {what}", remedy=remedy)
