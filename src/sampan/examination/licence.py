"""The licence that a model folder states."""

from __future__ import annotations

from pathlib import Path

from sampan.checkpoint.local.license import stated_license

README, LICENSE_FILES = "README.md", ("LICENSE", "LICENSE.txt", "LICENSE.md")
MAX_BYTES, MAX_TITLE_CHARS = 4096, 60


def read_license(folder: Path) -> str:
    """That of the model's README, else the title of the licence's text; empty where neither is."""
    return stated_license(folder / README) or next(filter(None, (_title(folder / name) for name in LICENSE_FILES)), "")


def _title(path: Path) -> str:
    """The first line that is not blank."""
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:MAX_TITLE_CHARS] for line in lines if line.strip()), "")
