"""A run of pieces of one file: asked for with one request, written where it belongs, noted piece by piece."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Container
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from sampan.errors import HubError
from sampan.hub.listing import RemoteFile
from sampan.hub.pieces import PIECE_BYTES, Journal, piece_begins, piece_size
from sampan.hub.web import Answer, TransientError

READ_BYTES = 1 << 20
MAX_PIECES = 64  # that one request asks for
RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")


class Span(NamedTuple):
    """Bytes from `begin` up to `end`; both are ends of pieces."""

    file: RemoteFile
    begin: int
    end: int


def missing_spans(file: RemoteFile, here: Container[int], most: int) -> list[Span]:
    """What is to be fetched of a file, in order; none longer than `most` bytes."""
    spans: list[Span] = []
    for begin in piece_begins(file):
        if begin in here:
            continue
        end = begin + piece_size(file, begin)
        if spans and spans[-1].end == begin and end - spans[-1].begin <= most:
            spans[-1] = spans[-1]._replace(end=end)
        else:
            spans.append(Span(file, begin, end))
    return spans


def most_bytes(left: int, file: RemoteFile, connections: int) -> int:
    """How much one request asks for, where `left` bytes of all files are to come: each connection gets several, so that
    they end together. With a single one there is nothing to share out."""
    if connections == 1:
        return file.size
    return min(max(left // (4 * connections), PIECE_BYTES), MAX_PIECES * PIECE_BYTES)


class SpanReader:
    """Reads one span from as many answers as it takes.

    Args:
        alone: no other span of the file is fetched at the same time, so a server that sends the whole file instead of
            a range is borne with.
    """

    def __init__(self, span: Span, folder: Path, journal: Journal, *, alone: bool) -> None:
        self._span, self._journal, self._alone = span, journal, alone
        self._path = folder / span.file.name
        self._position, self._skip = span.begin, 0
        self._hash = hashlib.sha256()
        self._buffer = memoryview(bytearray(min(READ_BYTES, max(span.end - span.begin, 1))))

    def __enter__(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._fd)

    @property
    def is_done(self) -> bool:
        """All of it is on the disk."""
        return self._position == self._span.end

    @property
    def headers(self) -> dict[str, str]:
        """Those of the next request: none for a whole file, which any server sends."""
        if self._position == 0 and self._span.end == self._span.file.size:
            return {}
        return {"Range": f"bytes={self._position}-{self._span.end - 1}"}

    def check(self, answer: Answer) -> None:
        """Whether an answer is what was asked for. Raises HubError: it is something else."""
        file, headers = self._span.file, answer.headers
        if headers.get("Content-Encoding", "identity") != "identity":
            raise HubError(f"{file.path} comes compressed, so it cannot be checked", remedy="try another --source")
        match = RANGE.fullmatch(headers.get("Content-Range", "")) if answer.status == 206 else None
        size = match[3] if match else headers.get("Content-Length", str(file.size))
        if size != str(file.size):
            what = f"{file.path} comes with {size} bytes, but is listed with {file.size}"
            raise HubError(what, remedy="run the same command again, or try another --source")
        if match and int(match[1]) != self._position:
            raise HubError(f"{file.path} comes from another place than asked for", remedy="try another --source")
        self._skip = 0 if match else self._position
        if self._skip and not self._alone:
            raise HubError("this hub does not send parts of files", remedy="add --connections 1")

    def read(self, answer: Answer) -> int:
        """Takes some bytes and returns how many. Raises TransientError: the connection was cut."""
        if self._skip:
            wanted = min(self._skip, len(self._buffer))
        else:
            wanted = min(len(self._buffer), self._span.end - self._position, PIECE_BYTES - self._position % PIECE_BYTES)
        count = answer.read_into(self._buffer[:wanted])
        if count == 0:
            raise TransientError(f"{self._span.file.path} was cut off")
        if self._skip:
            self._skip -= count
        else:
            self._put(self._buffer[:count])
        return count

    def _put(self, data: memoryview) -> None:
        self._hash.update(data)
        written = 0
        while written < len(data):
            written += os.pwrite(self._fd, data[written:], self._position + written)
        self._position += len(data)
        if self._position % PIECE_BYTES == 0 or self._position == self._span.file.size:
            begin = (self._position - 1) // PIECE_BYTES * PIECE_BYTES
            self._journal.add(self._span.file, begin, self._hash.hexdigest())
            self._hash = hashlib.sha256()
