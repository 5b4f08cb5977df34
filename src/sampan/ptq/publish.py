"""A finished model takes its name at once, whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import uuid4

from sampan.errors import CheckpointError


def check_target(target: Path, source: Path, *, force: bool) -> None:
    """Before hours go into it.

    Raises:
        CheckpointError: the destination is there and may not be replaced, or is the source itself.
    """
    if not os.path.lexists(target):
        return
    if source.resolve() == target.resolve():
        raise CheckpointError(f"{target} is the source itself", remedy="choose another destination")
    if not force:
        raise CheckpointError(
            f"{target} exists already", remedy="choose another destination, or replace it with --force"
        )
    if not target.is_dir():
        raise CheckpointError(f"{target} is not a folder", remedy="choose another destination")


def publish(model: Path, target: Path) -> None:
    """Renames the folder of a model, on the same file system. An older one is replaced, and only then removed.

    Raises:
        CheckpointError: it cannot be renamed.
    """
    replaced = target.with_name(f".{target.name}.{uuid4().hex}.old")
    try:
        if os.path.lexists(target):
            target.rename(replaced)
        model.rename(target)
    except OSError as error:
        if replaced.exists() and not target.exists():
            replaced.rename(target)
        raise CheckpointError(
            f"{target} cannot be written: {error.strerror}", remedy="check the folder and its permissions"
        ) from error
    shutil.rmtree(replaced, ignore_errors=True)
