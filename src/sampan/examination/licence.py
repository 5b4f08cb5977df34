"""The licence that a model folder states."""

from __future__ import annotations

import re
from pathlib import Path

README, LICENSE_FILES = "README.md", ("LICENSE", "LICENSE.txt", "LICENSE.md")
MAX_BYTES = 64 * 1024
FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---", re.DOTALL)
LICENSE_LINE = re.compile(r"^license(?:_name)?: *['\"]?([\w.+-]+)", re.MULTILINE)
MAX_TITLE_CHARS = 60


def read_license(folder: Path) -> str:
    """`license` of the model card's front matter, else the title of the licence's text; empty where neither is."""
    card = FRONT_MATTER.match(_text(folder / README))
    named = LICENSE_LINE.findall(card[1]) if card is not None else []
    if named:
        return str(named[-1] if named[0] == "other" else named[0])
    for name in LICENSE_FILES:
        title = next((line.strip() for line in _text(folder / name).splitlines() if line.strip()), "")
        if title:
            return title[:MAX_TITLE_CHARS]
    return ""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace").replace("\r\n", "\n")
    except OSError:
        return ""
