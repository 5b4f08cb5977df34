"""Packed stores under `sampan_home()/packed`: found by the content of their source, made where there is none."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sampan.checkpoint import Checkpoint, sampan_home
from sampan.errors import CheckpointError
from sampan.quant.layout import LAYOUT, check_precision, choose_formats
from sampan.quant.model import PackedModel
from sampan.quant.packing import Report
from sampan.quant.source_hash import source_hash
from sampan.quant.store_reader import open_store
from sampan.quant.store_writer import write_store

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


def packed_model(
    model_path: Path,
    checkpoint: Checkpoint,
    precision: str,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> PackedModel:
    """Opens the packed store of a checkpoint; converts first where there is none, or where it is damaged.

    Args:
        model_path: what the user knows the checkpoint by.
        threads: for hashing, packing and verifying; None takes one for each processor that this process may use.
        progress: is told what is being done (`Reading` or `Packing`, with the model's name), how much of it is done,
            and of how much.

    Raises:
        CheckpointError: a tensor cannot be packed, a file cannot be read or written, or there is no room for it.
        ConfigError: unknown precision.
    """
    check_precision(precision)
    folder = _make_folder()
    source = source_hash(checkpoint, folder, threads=threads, report=_told(progress, f"Reading {model_path.name}"))
    key = json.dumps([source, LAYOUT, choose_formats(checkpoint.config, precision)])
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.{precision}.safetensors"
    if path.exists():
        with suppress(CheckpointError):  # told below, by the one process that converts
            return open_store(path, threads=threads)
    with _lock(path):
        if path.exists():  # another process converted meanwhile, or it is damaged
            try:
                return open_store(path, threads=threads)
            except CheckpointError as error:
                logger.warning("%s; packing %s anew", error.message, model_path.name)
        report = _told(progress, f"Packing {model_path.name} as {precision}")
        write_store(path, checkpoint, precision, source, threads=threads, report=report)
    return open_store(path, threads=threads)


def _make_folder() -> Path:
    folder = sampan_home() / "packed"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"{folder} cannot be made: {error.strerror}", remedy="let SAMPAN_HOME name a folder that can be written to"
        ) from error
    return folder


def _told(progress: Progress | None, what: str) -> Report | None:
    return None if progress is None else lambda done, total: progress(what, done, total)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Lets one process at a time make `path`, and clears away what one that was killed left behind."""
    lock = path.with_name(f".{path.name}.lock")
    while True:
        fd = _open_locked(lock)
        try:
            if not _is_same(fd, lock):
                continue
            for unfinished in path.parent.glob(f".{path.name}.*.tmp"):
                unfinished.unlink(missing_ok=True)
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
            return
        finally:
            os.close(fd)


def _open_locked(lock: Path) -> int:
    try:
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        return fd
    except OSError as error:
        raise CheckpointError(
            f"{lock.parent} cannot be written to: {error.strerror}", remedy="let SAMPAN_HOME name another folder"
        ) from error


def _is_same(fd: int, path: Path) -> bool:
    """Whether the name still stands for the open file, which its last holder may have removed."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False
