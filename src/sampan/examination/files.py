"""Weight files: whether each can be read, and whether its bytes are those that were fetched."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sampan.examination.origins import read_origin
from sampan.examination.subject import Subject
from sampan.finding import FAIL, OK, WARN, Finding
from sampan.quant.packing import num_processors
from sampan.strict_json import FETCH_AGAIN
from sampan.units import human_bytes

PIECE_BYTES = 4 << 20
Report = Callable[[str, int, int], None]


def check_files(subject: Subject, report: Report) -> Iterator[Finding]:
    """Every weight file opens, and together they are one model."""
    problems = {file.name: subject.problems.get(file.name) for file in subject.weight_files}
    for error in problems.values():
        if error is not None:
            yield Finding("files", FAIL, subject.told(error.message), error.remedy)
    contradiction = subject.problems.get("weights")
    if contradiction is not None:
        yield Finding("files", FAIL, subject.told(contradiction.message), contradiction.remedy)
    elif not subject.weight_files:
        yield Finding("files", FAIL, "no .safetensors and no .pdparams file", "put the weight files there")
    elif not any(problems.values()):
        size = sum(file.stat().st_size for file in subject.weight_files)
        count = len(subject.weight_files)
        yield Finding("files", OK, f"{count} weight {'files' if count > 1 else 'file'}, {human_bytes(size)}")


def check_hashes(subject: Subject, report: Report) -> Iterator[Finding]:
    """Bytes against the hashes that were noted when the model was fetched; without a note, the hashes themselves."""
    folder = subject.path.parent if subject.is_gguf else subject.path
    origin = read_origin(subject.path)
    noted = {folder / name: digest for name, digest in origin.hashes.items()}
    if subject.is_gguf:
        noted = {file: digest for file, digest in noted.items() if file == subject.path}
    present = [file for file in dict.fromkeys([*noted, *subject.weight_files]) if file.is_file()]
    digests = hash_files(present, report)
    for file in noted.keys() - digests.keys():
        yield Finding(
            "hashes", FAIL, f"{file.name} is missing, by the notes of {origin.noted_by}", "fetch the file again"
        )
    for file, digest in digests.items():
        if file not in noted:
            yield Finding("hashes", OK, f"unverified: {file.name} has the SHA-256 {digest}")
        elif digest != noted[file] and file in subject.weight_files:
            yield Finding("hashes", FAIL, f"{file.name} differs from what was fetched", FETCH_AGAIN)
        elif digest != noted[file]:
            yield Finding(
                "hashes", WARN, f"{file.name} was changed since it was fetched", "if not by you, fetch it again"
            )
    matching = [file for file, digest in digests.items() if noted.get(file) == digest]
    if matching:
        yield Finding("hashes", OK, f"{len(matching)} of {len(noted)} files are what {origin.noted_by} noted")


def hash_files(files: Sequence[Path], report: Report) -> dict[Path, str]:
    """SHA-256 of each file, several at a time. A file that cannot be read is left out: another check says so."""
    total, done = sum(file.stat().st_size for file in files), 0
    counting = threading.Lock()

    def digest(file: Path) -> str | None:
        nonlocal done
        state = hashlib.sha256()
        try:
            with file.open("rb", buffering=0) as stream:
                while piece := stream.read(PIECE_BYTES):
                    state.update(piece)
                    with counting:
                        done += len(piece)
                        report("Hashing", done, total)
        except OSError:
            return None
        return state.hexdigest()

    with ThreadPoolExecutor(min(num_processors(), 4)) as pool:
        digests = pool.map(digest, files)
        return {file: found for file, found in zip(files, digests, strict=True) if found is not None}
