"""`sampan.json`: what is written is read, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sampan.checkpoint.local.manifest import MANIFEST_FILE, FileRecord, Manifest, read_manifest, write_manifest
from sampan.errors import CheckpointError

MANIFEST = Manifest(
    source="huggingface",
    endpoint="https://huggingface.co",
    repository="org/repo",
    revision="main",
    commit="c" * 40,
    license="MIT",
    pulled="2026-03-01T12:00:00Z",
    files={"config.json": FileRecord(10, "a" * 64), "model.safetensors": FileRecord(20, "b" * 64)},
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    write_manifest(tmp_path, MANIFEST)
    assert read_manifest(tmp_path) == MANIFEST
    assert MANIFEST.size == 30
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST_FILE]


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"files": []},
        {"files": {"a": {"size": "1", "sha256": "a"}}},
        {"files": {"a": {"size": 1}}},
        {"commit": None},
        {"more": 1},
    ],
)
def test_what_is_damaged_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    write_manifest(tmp_path, MANIFEST)
    path = tmp_path / MANIFEST_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=MANIFEST_FILE):
        read_manifest(tmp_path)
