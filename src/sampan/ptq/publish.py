"""Whether a finished model may take its name."""

from __future__ import annotations

import os
from pathlib import Path

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
