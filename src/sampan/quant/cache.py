"""Packed stores under `sampan_home()/packed`: found by the content of their source, made where there is none."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from sampan.checkpoint import Checkpoint, sampan_home
from sampan.config import ModelConfig
from sampan.errors import CheckpointError
from sampan.quant.layout import LAYOUT, data_size, lay_out, parts_of
from sampan.quant.model import PackedModel
from sampan.quant.packing import Report, num_processors
from sampan.quant.source_hash import source_hash
from sampan.quant.store_reader import MappedStore, open_store
from sampan.quant.store_writer import write_store
from sampan.quant.taking_over import formats_of
from sampan.quant.turns import my_turn

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


def packed_model(
    model_path: Path,
    checkpoint: Checkpoint,
    precision: str,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> PackedModel:
    """Opens the packed store of a checkpoint; converts first where there is none, or where it is damaged.

    Args:
        model_path: what the user knows the checkpoint by.
        threads: for hashing, packing and verifying; None takes one for each processor that this process may use.
        progress: is told what is being done (`Reading`, `Packing` or `Waiting`, with the model's name), how much of it
            is done, and of how much; 0 of 0 where that is not known.
        meanwhile: work of this thread that is done while others check the store, or before anything is converted. What
            it raises goes through.

    Raises:
        CheckpointError: a tensor cannot be packed, a file cannot be read or written, or there is no room for it.
        ConfigError: unknown precision.
    """
    packed_as, formats = formats_of(checkpoint, precision)
    folder = _make_folder()
    name, threads = model_path.name, threads or num_processors()
    source = source_hash(
        checkpoint,
        folder,
        threads=threads,
        report=_told(progress, f"Reading {name}"),
        waiting=lambda: progress(f"Waiting: another process reads {name}", 0, 0) if progress is not None else None,
    )
    key = json.dumps([source, LAYOUT, formats])
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.{packed_as}.safetensors"
    found = _open_beside(path, threads, meanwhile)
    if found is not None:
        return found
    what = f"{name} as {packed_as}"
    with my_turn(path, _Waiting(path, checkpoint.config, formats, what, progress)):
        if path.exists():  # another process converted meanwhile, or it is damaged
            try:
                return open_store(path, threads=threads)
            except CheckpointError as error:
                logger.warning("%s; packing %s anew", error.message, name)
        write_store(path, checkpoint, precision, source, threads=threads, report=_told(progress, f"Packing {what}"))
    return open_store(path, threads=threads)


def _open_beside(path: Path, threads: int, meanwhile: Callable[[], None] | None) -> PackedModel | None:
    """The store, checked by other threads while this one does what is to be done meanwhile; None where there is none or
    it is damaged, which is told by the one process that converts."""
    try:
        store = MappedStore(path) if path.exists() else None
    except CheckpointError:
        store = None
    with ThreadPoolExecutor(1, "sampan-check") as beside:
        check: Future[PackedModel] | None = None
        if store is not None:
            check = beside.submit(store.verified, threads if meanwhile is None else max(threads - 1, 1))
        if meanwhile is not None:
            meanwhile()
    return check.result() if check is not None and check.exception() is None else None


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


class _Waiting:
    """Says that another process makes a store, and how much of it that has written."""

    def __init__(
        self, path: Path, config: ModelConfig, formats: dict[str, str], what: str, progress: Progress | None
    ) -> None:
        self._path, self._progress, self._what = path, progress, what
        self._config, self._formats = config, formats
        self._total = 0

    def __call__(self) -> None:
        if not self._total:
            self._total = data_size(lay_out(parts_of(self._config, self._formats)))
            logger.warning("another process packs %s: waiting for it", self._what)
        if self._progress is not None:
            written = sum(_size(file) for file in self._path.parent.glob(f".{self._path.name}.*.tmp"))
            self._progress(f"Waiting: another process packs {self._what}", min(written, self._total), self._total)


def _size(file: Path) -> int:
    """0 where the file has gone meanwhile."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
