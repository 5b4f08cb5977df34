"""What of a download is here already, by its content and not by its word.

A file is fetched in pieces, in any order. Each piece that is on the disk has a line in a journal: the file's identity
by name and content, where the piece begins, and the piece's SHA-256. Nothing is synchronised to the disk on the way: a
line counts only if the bytes still hash to what it says, so a kill, or a power cut in any order of writes, costs the
pieces that were on their way and no more.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sampan.hub.listing import RemoteFile

JOURNAL_FILE = ".pieces"
PIECE_BYTES = 2 << 20
MAX_JOURNAL_BYTES = 1 << 28
LINE = re.compile(r"([0-9a-f]{64}) (\d{1,15}|whole) ([0-9a-f]{64})")


class Journal:
    """The pieces of all files in one folder. Several threads may use it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL_FILE
        self._lock = threading.Lock()
        self._pieces: dict[str, dict[int, str]] = {}
        self._whole: dict[str, str] = {}
        for line in _read_lines(self._path):
            if match := LINE.fullmatch(line):
                self._take(*match.groups())
        self._fd: int | None = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def pieces(self, file: RemoteFile) -> dict[int, str]:
        """Where the pieces begin that are said to be here, and their SHA-256."""
        with self._lock:
            noted = dict(self._pieces.get(file.identity, {}))
        return {begin: sha for begin, sha in noted.items() if begin in piece_begins(file)}

    def whole(self, file: RemoteFile) -> str:
        """SHA-256 of the file, if all of it was once found to be right; else empty."""
        return self._whole.get(file.identity, "")

    def add(self, file: RemoteFile, begin: int | str, sha256: str) -> None:
        """Notes a piece that is on the disk, or with `whole` the file."""
        with self._lock:
            if self._fd is None:  # a thread that is late; the number may be another file's by now
                return
            self._take(file.identity, str(begin), sha256)
            os.write(self._fd, f"\n{file.identity} {begin} {sha256}\n".encode())  # ends a line that a kill cut off

    def forget(self, file: RemoteFile, begins: Iterable[int]) -> None:
        """These pieces are not what they were said to be. Only here: their lines are outdone by later ones."""
        with self._lock:
            self._whole.pop(file.identity, None)
            for begin in begins:
                self._pieces.get(file.identity, {}).pop(begin, None)

    def close(self) -> None:
        """Nothing more is noted."""
        with self._lock:
            if self._fd is not None:
                os.close(self._fd)
            self._fd = None

    def _take(self, content: str, begin: str, sha256: str) -> None:
        if begin == "whole":
            self._whole[content] = sha256
        else:
            self._pieces.setdefault(content, {})[int(begin)] = sha256


def _read_lines(path: Path) -> Sequence[str]:
    try:
        with path.open("rb") as file:
            return file.read(MAX_JOURNAL_BYTES).decode("ascii", "replace").split("\n")
    except FileNotFoundError:
        return []


def piece_begins(file: RemoteFile) -> range:
    """Where each piece begins."""
    return range(0, file.size, PIECE_BYTES)


def piece_size(file: RemoteFile, begin: int) -> int:
    """Bytes of the piece; the last one is shorter."""
    return min(PIECE_BYTES, file.size - begin)


def check_pieces(
    folder: Path, files: Sequence[RemoteFile], journal: Journal, report: Callable[[int, int], None]
) -> int:
    """Hashes all pieces that are said to be here, and has the journal forget those that are not.

    Args:
        report: is told how many bytes are checked, and of how many.

    Returns:
        Bytes that are here.
    """
    said = [(file, begin, sha) for file in files for begin, sha in sorted(journal.pieces(file).items())]
    total, checked, here = sum(piece_size(file, begin) for file, begin, _ in said), 0, 0
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8), "sampan-check") as pool:
        found = pool.map(lambda piece: _hash_piece(folder / piece[0].name, piece[0], piece[1]), said)
        for (file, begin, sha), actual in zip(said, found, strict=True):
            size = piece_size(file, begin)
            checked += size
            if sha == actual:
                here += size
            else:
                journal.forget(file, [begin])
            report(checked, total)
    return here


def _hash_piece(path: Path, file: RemoteFile, begin: int) -> str:
    """Empty where the file does not reach so far."""
    try:
        with path.open("rb", buffering=0) as stream:
            stream.seek(begin)
            data = stream.read(piece_size(file, begin))
    except OSError:
        return ""
    return hashlib.sha256(data).hexdigest() if len(data) == piece_size(file, begin) else ""
