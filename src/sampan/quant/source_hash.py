"""What a checkpoint holds, as one SHA-256, without reading gigabytes at every start.

The digest of a file is remembered with its size, inode and times, and holds as long as those do.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

from sampan.checkpoint import Checkpoint
from sampan.checkpoint.atomic import atomic_file
from sampan.errors import CheckpointError
from sampan.quant.packing import Report, num_processors
from sampan.quant.turns import my_turn
from sampan.strict_json import read_json_object

INDEX_FILE = "sources.json"
MAX_INDEX_BYTES = 16_000_000
PIECE_BYTES = 16 << 20
# A file that changed just now may change again without its times doing so: their steps can be this coarse.
SETTLED_NS = 2_000_000_000

Stamp = list[int]


def source_hash(
    checkpoint: Checkpoint,
    folder: Path,
    *,
    threads: int | None = None,
    report: Report | None = None,
    waiting: Callable[[], None] | None = None,
) -> str:
    """SHA-256 over the configuration and the content of all files that say what the weights are.

    Args:
        folder: where the digests of files are remembered.
        report: is told how many bytes are hashed, and of how many; never where all digests are known.
        waiting: called again and again while another process hashes, which may be the same files.

    Raises:
        CheckpointError: a file cannot be read, or changes meanwhile.
    """
    files = _files_of(checkpoint)
    digests = _known_digests(files, _read_index(folder / INDEX_FILE))
    if len(digests) < len(files):
        with ExitStack() as turn:
            with suppress(CheckpointError):  # a folder that cannot be written to may still hold stores
                turn.enter_context(my_turn(folder / INDEX_FILE, waiting))
            digests = _remember(files, folder / INDEX_FILE, threads or num_processors(), report)
    return _combine(checkpoint, digests)


def known_source(checkpoint: Checkpoint, folder: Path) -> str | None:
    """The same without reading files: None where one of them was not hashed, or has changed since."""
    files = _files_of(checkpoint)
    digests = _known_digests(files, _read_index(folder / INDEX_FILE))
    return _combine(checkpoint, digests) if len(digests) == len(files) else None


def same_content_elsewhere(checkpoint: Checkpoint, folder: Path) -> list[Path]:
    """Other files that were hashed, are there still, and have the content of one of the checkpoint's."""
    files, index = _files_of(checkpoint), _read_index(folder / INDEX_FILE)
    digests = set(_known_digests(files, index).values())
    others = [file for name in sorted(index) if (file := Path(name)) not in files and file.exists()]
    return [file for file, digest in _known_digests(others, index).items() if digest in digests]


def _files_of(checkpoint: Checkpoint) -> list[Path]:
    return sorted({file.resolve() for file in checkpoint.files()})


def _combine(checkpoint: Checkpoint, digests: Mapping[Path, str]) -> str:
    content = [checkpoint.config.to_dict(), sorted(digests.values())]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _known_digests(files: Sequence[Path], index: Mapping[str, object]) -> dict[Path, str]:
    """Of the files that have not changed since they were hashed."""
    digests: dict[Path, str] = {}
    for file in files:
        known = index.get(str(file))
        if isinstance(known, dict) and known.get("stamp") == _stamp(file):
            digests[file] = str(known.get("sha256"))
    return digests


def _remember(files: Sequence[Path], path: Path, threads: int, report: Report | None) -> dict[Path, str]:
    """The digests of all files, with those that are new kept for the next time."""
    index = _read_index(path)
    digests = _known_digests(files, index)
    unknown = [file for file in files if file not in digests]
    stamps = {file: _stamp(file) for file in unknown}
    digests |= _hash_files(unknown, threads, report)
    for file, stamp in stamps.items():
        if _stamp(file) != stamp:
            raise CheckpointError(f"{file} was changed while it was read", remedy="load the model again")
        if _is_settled(file):
            index[str(file)] = {"stamp": stamp, "sha256": digests[file]}
    _write_index(path, {file: known for file, known in index.items() if os.path.exists(file)})
    return digests


def _stamp(file: Path) -> Stamp:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]


def _is_settled(file: Path) -> bool:
    return time.time_ns() - file.stat().st_ctime_ns > SETTLED_NS


def _hash_files(files: Sequence[Path], threads: int, report: Report | None) -> dict[Path, str]:
    """For each file the SHA-256 of the SHA-256 digests of its pieces, which several threads can take."""
    pieces = [(file, begin) for file in files for begin in range(0, file.stat().st_size, PIECE_BYTES)]
    hashes = {file: hashlib.sha256() for file in files}
    total, done = sum(file.stat().st_size for file in files), 0
    with ThreadPoolExecutor(threads) as pool:
        for (file, _), (digest, size) in zip(pieces, pool.map(lambda piece: _hash_piece(*piece), pieces), strict=True):
            hashes[file].update(digest)
            done += size
            if report is not None:
                report(done, total)
    return {file: whole.hexdigest() for file, whole in hashes.items()}


def _hash_piece(file: Path, begin: int) -> tuple[bytes, int]:
    with file.open("rb", buffering=0) as stream:
        stream.seek(begin)
        data = stream.read(PIECE_BYTES)
    return hashlib.sha256(data).digest(), len(data)


def _read_index(path: Path) -> dict[str, object]:
    """What is remembered; nothing where the file is absent or damaged, for it can be made anew."""
    try:
        return read_json_object(path, MAX_INDEX_BYTES)
    except CheckpointError:
        return {}


def _write_index(path: Path, index: dict[str, object]) -> None:
    with suppress(CheckpointError), atomic_file(path) as file:
        file.write(json.dumps(index, indent=1, sort_keys=True).encode())
