"""A download takes its name only when it is whole; until then it lies in a hidden folder beside."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sampan.checkpoint.atomic import sync
from sampan.checkpoint.local.manifest import Manifest, write_manifest
from sampan.hub.pieces import JOURNAL_FILE


def part_folder(folder: Path) -> Path:
    """Where the parts of a model are gathered that is not whole yet."""
    return folder.with_name(f".{folder.name}.part")


def publish(part: Path, folder: Path, manifest: Manifest) -> None:
    """Gives a whole download its name; a folder that had it goes."""
    write_manifest(part, manifest)
    old = _old_folder(folder)
    if os.path.lexists(folder):
        remove(old)
        folder.rename(old)
    part.rename(folder)
    # Not before: until here it knows what need not be fetched again.
    (folder / JOURNAL_FILE).unlink(missing_ok=True)
    sync(folder.parent)
    remove(old)


def restore(folder: Path) -> None:
    """Undoes what a kill in the middle of `publish` has left."""
    old = _old_folder(folder)
    if os.path.lexists(old) and not os.path.lexists(folder):
        old.rename(folder)
    remove(old)


def remove(folder: Path) -> None:
    """A folder with all in it; of a link only the link."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _old_folder(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")
