"""`sampan.json` in the folder of a model that was pulled: where it came from, and what each file must be."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sampan.checkpoint.atomic import atomic_file
from sampan.errors import CheckpointError
from sampan.strict_json import FETCH_AGAIN, read_json_object

MANIFEST_FILE = "sampan.json"
MAX_MANIFEST_BYTES = 1_000_000
FORMAT = 1


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file: bytes, and SHA-256 in lower-case hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Where a model came from.

    Args:
        source: `huggingface` or `modelscope`, by the protocol that the hub speaks.
        endpoint: the address that it was fetched from; a mirror's where it was one.
        repository: `org/repo`.
        revision: what was asked for; `commit` is what that was at the time, empty where the hub does not say.
        license: as the repository states it; empty where it states none.
        pulled: when it was complete, in UTC: `2026-03-01T12:00:00Z`.
        files: by name; those of the folder that came from the hub.
    """

    source: str
    endpoint: str
    repository: str
    revision: str
    commit: str
    license: str
    pulled: str
    files: dict[str, FileRecord]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(record.size for record in self.files.values())


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a model's folder; None where it has none, as a folder that somebody copied together.

    Raises:
        CheckpointError: it is damaged, or of a later version of Sampan.
    """
    path = folder / MANIFEST_FILE
    if not path.exists():
        return None
    stored = read_json_object(path, MAX_MANIFEST_BYTES)
    if stored.pop("format", None) != FORMAT:
        raise CheckpointError(
            f"{path} is of another version of Sampan", remedy="update Sampan, or pull the model again"
        )
    try:
        return _from_json(stored)
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path} is not a manifest: {error}", remedy=FETCH_AGAIN) from error


def _from_json(stored: dict[str, Any]) -> Manifest:
    files = {name: FileRecord(**record) for name, record in stored.pop("files").items()}
    manifest = Manifest(files=files, **stored)
    texts = [getattr(manifest, name) for name in Manifest.__slots__ if name != "files"]
    texts += [record.sha256 for record in files.values()]
    if not all(type(text) is str for text in texts) or not all(type(record.size) is int for record in files.values()):
        raise ValueError("a value is of the wrong type")
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Raises CheckpointError: it cannot be written."""
    with atomic_file(folder / MANIFEST_FILE) as file:
        file.write(json.dumps({"format": FORMAT, **asdict(manifest)}, indent=2, ensure_ascii=False).encode())
