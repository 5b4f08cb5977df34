"""Writes both files."""

from __future__ import annotations

import json
from pathlib import Path

from sampan.checkpoint.atomic import atomic_file
from sampan.evaluation.page.document import quality_page
from sampan.evaluation.quality import Quality

JSON_FILE, PAGE_FILE = "quality.json", "quality.html"


def write_quality(quality: Quality, folder: str | Path, *, max_loss: float | None = None) -> None:
    """Writes `quality.json` and `quality.html` into a folder, which is made where it is missing.

    Args:
        max_loss: of the gate, in per cent, where there is one: both files then say whether it is passed.

    Raises:
        CheckpointError: a file cannot be written.
        OSError: the folder cannot be made.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    document = quality.to_dict(max_loss)
    with atomic_file(folder / JSON_FILE) as file:
        file.write((json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode())
    with atomic_file(folder / PAGE_FILE) as file:
        file.write(quality_page(quality, max_loss).encode())
