"""Fetches what is missing of some files, over several connections, until every file is what the hub says it is."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sampan.errors import HubError
from sampan.hub.listing import RemoteFile
from sampan.hub.patience import Patience
from sampan.hub.pieces import PIECE_BYTES, Journal, piece_begins, piece_size
from sampan.hub.span import Span, SpanReader, missing_spans, most_bytes
from sampan.hub.verify import verified_sha256
from sampan.hub.web import RefusalError, TransientError, Web

FAREWELL = 2.0  # seconds for connections to end when one has failed; a silent server would hold them longer
REPAIR_BYTES = 8 * PIECE_BYTES
REPAIRS = 2  # times that a file whose hash is wrong is fetched again


@dataclass(frozen=True, slots=True)
class Transfer:
    """What is fetched from where to where.

    Args:
        url_of: the address of a file.
        explain: turns a refusal into an error for the user.
        connections: at the same time; with one, a file is one request, and the server need not know ranges.
    """

    web: Web
    folder: Path
    journal: Journal
    url_of: Callable[[RemoteFile], str]
    explain: Callable[[RefusalError, RemoteFile], Exception]
    connections: int


class Fetching:
    """One run over some files. The caller's thread watches; what fails first ends all.

    `arrived` counts bytes that came; `verified` has the SHA-256 of each file that is whole, by name.
    """

    def __init__(self, transfer: Transfer, files: Sequence[RemoteFile]) -> None:
        self._transfer, self._lock, self._stopped = transfer, threading.Lock(), threading.Event()
        self._failure: BaseException | None = None
        self._missing: dict[RemoteFile, int] = {}
        self._spans: deque[Span] = deque()
        self.arrived = 0
        self.verified: dict[str, str] = {}
        pieces = {file: transfer.journal.pieces(file) for file in files}
        left = sum(
            piece_size(file, begin) for file in files for begin in piece_begins(file) if begin not in pieces[file]
        )
        for file in files:
            spans = missing_spans(file, pieces[file], most_bytes(left, file, transfer.connections))
            if not spans and (known := transfer.journal.whole(file)) and self._is_whole(file):
                self.verified[file.name] = known
                continue
            self._missing[file] = sum(span.end - span.begin for span in spans)
            self._spans += spans or [Span(file, 0, 0)]  # nothing to fetch, but to verify

    def run(self, watch: Callable[[], None]) -> None:
        """Until all files are verified; `watch` is called meanwhile, ten times a second.

        Raises:
            HubError: the hub fails for good, or sends what it should not. What has come stays on the disk.
        """
        # Daemons: one that waits for a server must not keep the process from ending.
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._transfer.connections)]
        for thread in threads:
            thread.start()
        try:
            while self._failure is None and any(thread.is_alive() for thread in threads):
                self._stopped.wait(0.1)
                watch()
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join(FAREWELL / len(threads))
        if self._failure is not None:
            raise self._failure

    def _is_whole(self, file: RemoteFile) -> bool:
        """Whether it ends where it should; what its pieces hold is known by then."""
        path = self._transfer.folder / file.name
        return path.is_file() and path.stat().st_size == file.size

    def _work(self) -> None:
        try:
            while (span := self._next()) is not None:
                self._fetch(span)
                with self._lock:
                    self._missing[span.file] -= span.end - span.begin
                    is_complete = self._missing[span.file] == 0
                if is_complete:
                    self._complete(span.file)
        except _StoppedError:
            return
        except BaseException as error:
            with self._lock:
                self._failure = self._failure or error
            self._stopped.set()

    def _next(self) -> Span | None:
        with self._lock:
            return self._spans.popleft() if self._spans and not self._stopped.is_set() else None

    def _fetch(self, span: Span) -> None:
        """However often the connection is cut; each time it goes on at the byte where it was."""
        transfer, patience = self._transfer, Patience(self._stopped)
        reader = SpanReader(span, transfer.folder, transfer.journal, alone=transfer.connections == 1)
        with reader:
            while not reader.is_done:
                self._count(0)
                try:
                    with transfer.web.get(transfer.url_of(span.file), reader.headers) as answer:
                        reader.check(answer)
                        while not reader.is_done:
                            self._count(reader.read(answer))
                            patience.renew()
                except RefusalError as refusal:
                    raise transfer.explain(refusal, span.file) from refusal
                except TransientError as error:
                    patience.endure(error)

    def _count(self, num_bytes: int) -> None:
        """Raises _StoppedError: nobody waits for more."""
        with self._lock:
            self.arrived += num_bytes
        if self._stopped.is_set():
            raise _StoppedError

    def _complete(self, file: RemoteFile) -> None:
        path = self._transfer.folder / file.name
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.ftruncate(fd, file.size)
            sha256 = verified_sha256(path, file) or self._repaired(path, file)
            os.fsync(fd)
        finally:
            os.close(fd)
        self._transfer.journal.add(file, "whole", sha256)
        self.verified[file.name] = sha256

    def _repaired(self, path: Path, file: RemoteFile) -> str:
        """Fetches a file again, part by part, until it is right: where its hash is wrong, nobody knows."""
        for _ in range(REPAIRS):
            has_changed = False
            for span in missing_spans(file, (), REPAIR_BYTES):
                before = self._transfer.journal.pieces(file)
                self._fetch(span)
                if self._transfer.journal.pieces(file) != before:
                    has_changed = True
                    if sha256 := verified_sha256(path, file):
                        return sha256
            if not has_changed:
                break
        raise HubError(
            f"{file.path} comes with another content than the hub states, again and again",
            remedy="try another --source; a proxy or mirror on the way may hold a damaged copy",
        )


class _StoppedError(Exception):
    """Another thread failed, or the user has stopped the run."""
