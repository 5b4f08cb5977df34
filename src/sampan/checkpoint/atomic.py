"""What is written takes its name when it is whole and on the disk; until then it lies beside under another one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from sampan.errors import CheckpointError


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the name `path` once it is whole and on the disk; after an error nothing changed.

    Raises:
        CheckpointError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync(path.parent)
        except OSError as error:
            raise CheckpointError(
                f"{path} cannot be written: {error.strerror}", remedy="check the folder, its permissions and free space"
            ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def sync(path: Path) -> None:
    """Waits until a file's content, or a folder's names, are on the disk. Raises OSError."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_folder(folder: Path, target: Path) -> None:
    """Renames a folder, on the same file system. An older one is replaced, and only then removed.

    Raises:
        CheckpointError: it cannot be renamed.
    """
    replaced = target.with_name(f".{target.name}.{uuid4().hex}.old")
    try:
        if os.path.lexists(target):
            target.rename(replaced)
        folder.rename(target)
    except OSError as error:
        if replaced.exists() and not target.exists():
            replaced.rename(target)
        raise CheckpointError(
            f"{target} cannot be written: {error.strerror}", remedy="check the folder and its permissions"
        ) from error
    shutil.rmtree(replaced, ignore_errors=True)
