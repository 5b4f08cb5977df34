"""What a checkpoint holds, as one SHA-256, without reading gigabytes at every start.

The digest of a file is remembered with its size, inode and times, and holds as long as those do.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from sampan.checkpoint import Checkpoint
from sampan.checkpoint.safetensors_writer import atomic_file
from sampan.errors import CheckpointError
from sampan.quant.packing import Report, num_processors
from sampan.strict_json import read_json_object

INDEX_FILE = "sources.json"
MAX_INDEX_BYTES = 16_000_000
PIECE_BYTES = 16 << 20
# A file that changed just now may change again without its times doing so: their steps can be this coarse.
SETTLED_NS = 2_000_000_000

Stamp = list[int]


def source_hash(
    checkpoint: Checkpoint, folder: Path, *, threads: int | None = None, report: Report | None = None
) -> str:
    """SHA-256 over the configuration and the content of all weight files.

    Args:
        folder: where the digests of files are remembered.
        report: is told how many bytes are hashed, and of how many; never where all digests are known.

    Raises:
        CheckpointError: a file cannot be read, or changes meanwhile.
    """
    stored = {checkpoint.raw(name).file for name in checkpoint.names()}
    files = sorted(file.resolve() for file in stored)
    index = _read_index(folder / INDEX_FILE)
    digests: dict[Path, str] = {}
    for file in files:
        known = index.get(str(file))
        if isinstance(known, dict) and known.get("stamp") == _stamp(file):
            digests[file] = str(known.get("sha256"))
    unknown = [file for file in files if file not in digests]
    if unknown:
        stamps = {file: _stamp(file) for file in unknown}
        digests |= _hash_files(unknown, threads or num_processors(), report)
        for file, stamp in stamps.items():
            if _stamp(file) != stamp:
                raise CheckpointError(f"{file} was changed while it was read", remedy="load the model again")
            if _is_settled(file):
                index[str(file)] = {"stamp": stamp, "sha256": digests[file]}
        _write_index(folder / INDEX_FILE, {file: known for file, known in index.items() if os.path.exists(file)})
    content = [checkpoint.config.to_dict(), sorted(digests.values())]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


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
    """A folder that cannot be written to may still hold stores."""
    with suppress(CheckpointError), atomic_file(path) as file:
        file.write(json.dumps(index, indent=1, sort_keys=True).encode())
