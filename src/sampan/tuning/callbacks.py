"""What happens beside training: the best models are kept, and the best of all is published to a server that watches.

A model appears under its name by one rename, whole and with its tokenizer.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from sampan.checkpoint import write_checkpoint
from sampan.checkpoint.atomic import replace_folder, sync
from sampan.convert import copy_texts
from sampan.errors import CheckpointError, ConfigError
from sampan.models import export_weights
from sampan.strict_json import read_json_object

if TYPE_CHECKING:
    from sampan.tuning.trainer import Trainer

MODES = ("min", "max")
METRICS_FILE = "metrics.json"
MAX_METRICS_BYTES = 1_000_000


class Callback(Protocol):
    """Told how a run goes."""

    def on_evaluate(self, trainer: Trainer, metrics: Mapping[str, float]) -> None:
        """The model as it is now has these metrics, such as `val_loss`."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A model on disk, with the value by which it is judged."""

    path: Path
    value: float


class ModelCheckpoint:
    """Keeps the best models of a run, each a folder that `sampan serve` takes.

    Args:
        dirpath: where they are kept, as `step-000200`. Those that an earlier run left there count.
        monitor: the metric that decides.
        mode: whether the least or the greatest is best: `min` or `max`.
        save_top_k: how many are kept; -1 keeps all.
        publish_to: a folder in which each new best appears, for a server that watches it; None publishes nothing.
        texts: the folder whose tokenizer, template and licence belong to the model; None writes weights alone.
        dtype: of the weights.

    Attributes:
        best: the best so far; None before there is one.

    Example:
        >>> best = ModelCheckpoint("runs/best", monitor="val_loss", mode="min", publish_to="models/live")
        >>> Trainer(..., validation=examples, callbacks=[best]).train()
    """

    def __init__(
        self,
        dirpath: str | Path,
        monitor: str = "val_loss",
        mode: str = "min",
        save_top_k: int = 1,
        publish_to: str | Path | None = None,
        *,
        texts: str | Path | None = None,
        dtype: str = "bf16",
    ) -> None:
        if mode not in MODES:
            raise ConfigError(f"mode={mode!r} is not known", remedy=f"use {' or '.join(MODES)}")
        if save_top_k == 0 or save_top_k < -1:
            raise ConfigError(f"save_top_k={save_top_k} keeps nothing", remedy="use 1 or more, or -1 for all")
        self.dirpath, self.monitor, self.dtype = Path(dirpath), monitor, dtype
        self.publish_to = None if publish_to is None else Path(publish_to)
        self._sign = 1 if mode == "min" else -1
        self._most = save_top_k
        self._texts = None if texts is None else Path(texts)
        self._kept = sorted(self._find(), key=self._rank)

    @property
    def best(self) -> Kept | None:
        return self._kept[0] if self._kept else None

    def on_evaluate(self, trainer: Trainer, metrics: Mapping[str, float]) -> None:
        """Keeps the model if it is one of the best.

        Raises:
            ConfigError: the metric is not among those that are measured.
            CheckpointError: it cannot be written.
        """
        if self.monitor not in metrics:
            raise ConfigError(f"there is no metric {self.monitor!r}", remedy=f"monitor one of {', '.join(metrics)}")
        kept = Kept(self.dirpath / f"step-{trainer.step:06d}", metrics[self.monitor])
        others = [other for other in self._kept if other.path != kept.path]
        ranked = sorted([*others, kept], key=self._rank)
        if math.isnan(kept.value) or (self._most != -1 and ranked.index(kept) >= self._most):
            return
        self._write(trainer, kept.path, metrics)
        is_best = kept == ranked[0] and (self.best is None or kept.value != self.best.value)
        self._kept = ranked if self._most == -1 else ranked[: self._most]
        for other in ranked[len(self._kept) :]:
            shutil.rmtree(other.path, ignore_errors=True)
        if is_best and self.publish_to is not None:
            self._publish(kept.path, self.publish_to / kept.path.name)

    def _rank(self, kept: Kept) -> tuple[float, str]:
        return self._sign * kept.value, kept.path.name  # of equals the earlier

    def _find(self) -> Iterator[Kept]:
        for path in self.dirpath.glob("step-*"):
            if (path / METRICS_FILE).is_file():
                value = read_json_object(path / METRICS_FILE, MAX_METRICS_BYTES).get(self.monitor)
                if isinstance(value, int | float):
                    yield Kept(path, float(value))

    def _write(self, trainer: Trainer, target: Path, metrics: Mapping[str, float]) -> None:
        with _whole(target) as folder:
            write_checkpoint(folder, trainer.model.config, export_weights(trainer.model), self.dtype)
            if self._texts is not None:
                copy_texts(self._texts, folder)
            told = {**metrics, "step": trainer.step}
            (folder / METRICS_FILE).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")

    def _publish(self, source: Path, target: Path) -> None:
        with _whole(target) as folder:
            for file in source.iterdir():
                _link_or_copy(file, folder / file.name)


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A folder to fill, which takes its name, and the place of an older one, when it is on the disk."""
    folder = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
    try:
        folder.mkdir(parents=True)
        yield folder
        for file in (*folder.iterdir(), folder):
            sync(file)
        replace_folder(folder, target)
        sync(target.parent)
    except OSError as error:
        raise CheckpointError(
            f"{target} cannot be written: {error.strerror}", remedy="check the folder, its permissions and free space"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _link_or_copy(source: Path, target: Path) -> None:
    """Files of a model are never written to again, so both names may stand for the same bytes."""
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)
