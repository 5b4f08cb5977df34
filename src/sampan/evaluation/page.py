"""Writes the finding: quality.json for scripts."""

from __future__ import annotations

import json
from pathlib import Path

from sampan.checkpoint.safetensors_writer import atomic_file
from sampan.evaluation.quality import Quality


def write_quality(quality: Quality, folder: str | Path) -> None:
    """Writes `quality.json` into a folder, which is made where it is missing."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / "quality.json") as file:
        file.write((json.dumps(quality.to_dict(), ensure_ascii=False, indent=2) + "\n").encode())
