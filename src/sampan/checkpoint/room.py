"""Whether a disk has room for what is about to be written."""

from __future__ import annotations

import os
from pathlib import Path

from sampan.errors import CheckpointError


def check_room(folder: Path, needed: int, what: str, remedy: str = "make room, or choose a larger disk") -> None:
    """
    Args:
        needed: bytes that `what` takes.

    Raises:
        CheckpointError: fewer are free there.
    """
    try:
        status = os.statvfs(folder)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written to: {error.strerror}", remedy="choose another") from error
    free = status.f_bavail * status.f_frsize
    if free < needed:
        raise CheckpointError(
            f"{folder} has {free / 1e9:.1f} GB free, and {what} need {needed / 1e9:.1f} GB", remedy=remedy
        )
