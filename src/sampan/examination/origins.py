"""What the files of a model should be: the hashes, source and revision that were noted when it was fetched.

Three notes are read: `sampan pull`'s manifest, and the two that Hugging Face's own tools leave: a folder's
`.cache/huggingface/download/FILE.metadata` (revision, etag, time), and in the hub's cache the names themselves,
`models--OWNER--NAME/snapshots/REVISION/FILE`, a link to `blobs/ETAG`. The etag of a large file is its SHA-256.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sampan.checkpoint.local.manifest import read_manifest

SHA256 = re.compile(r"[0-9a-f]{64}")
REVISION = re.compile(r"[0-9a-f]{40}")
HUB_NOTES = Path(".cache") / "huggingface" / "download"
MAX_NOTE_BYTES = 4096


@dataclass(frozen=True)
class Origin:
    """Where a model is from.

    Args:
        noted_by: what wrote the hashes down; empty where nothing did.
        hashes: file name -> SHA-256.
        source: a repository or address; empty where unknown, like `revision` and `license`.
    """

    noted_by: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    revision: str = ""
    license: str = ""


def read_origin(path: Path) -> Origin:
    """What is noted about a model folder, or about that of a GGUF file; an empty `Origin` where nothing is.

    Raises:
        CheckpointError: there is a manifest, and it cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    return _from_manifest(folder) or _from_hub_notes(folder) or _from_hub_cache(folder) or Origin()


def _from_manifest(folder: Path) -> Origin | None:
    manifest = read_manifest(folder)
    if manifest is None:
        return None
    hashes = {name: record.sha256 for name, record in manifest.files.items()}
    source = f"{manifest.repository} ({manifest.source})"
    return Origin("sampan pull", hashes, source, manifest.commit or manifest.revision, manifest.license)


def _from_hub_notes(folder: Path) -> Origin | None:
    hashes, revisions = {}, set()
    for note in _files(folder / HUB_NOTES):
        lines = _first_bytes(note).splitlines()
        if note.suffix == ".metadata" and len(lines) >= 2 and REVISION.fullmatch(lines[0]):
            revisions.add(lines[0])
            if SHA256.fullmatch(lines[1]):
                hashes[note.name.removesuffix(".metadata")] = lines[1]
    if not revisions:
        return None
    return Origin("Hugging Face's download", hashes, revision=revisions.pop() if len(revisions) == 1 else "")


def _from_hub_cache(folder: Path) -> Origin | None:
    if folder.parent.name != "snapshots" or not folder.parents[1].name.startswith("models--"):
        return None
    links = {file.name: file.resolve().name for file in _files(folder) if file.is_symlink()}
    hashes = {name: target for name, target in links.items() if SHA256.fullmatch(target)}
    repository = folder.parents[1].name.removeprefix("models--").replace("--", "/", 1)
    return Origin("Hugging Face's cache", hashes, repository, folder.name)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(entry for entry in folder.iterdir() if entry.is_file())


def _first_bytes(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_NOTE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
