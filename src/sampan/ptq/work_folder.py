"""The folder beside the destination in which a model is quantised: when the process dies, what is done lies there.

`progress.json` names all layers that are done, with the SHA-256 of their files. It is written last, so what it names
was whole on the disk. A quantisation that is started again with the same source, calibration and options goes on behind
the last of them, and ends with the same bits as one that was never interrupted.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sampan.checkpoint.atomic import atomic_file
from sampan.errors import CheckpointError, UsageError
from sampan.ptq.hidden_states import file_sha256
from sampan.ptq.result import MatrixError
from sampan.strict_json import read_json_object

PROGRESS_FILE = "progress.json"
LOCK_FILE = "lock"
MAX_PROGRESS_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class DoneLayer:
    """Args:
    shard: the name of its file, and `sha256` that file's.
    """

    shard: str
    sha256: str
    matrices: tuple[MatrixError, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a quantisation is.

    Args:
        plan: all that its result follows from.
        formats: of the matrices; None before they are decided on.
        layers: those that are done, from the first on.
        states_sha256: of the hidden states behind them.
    """

    plan: Mapping[str, Any]
    formats: Mapping[str, str] | None = None
    layers: tuple[DoneLayer, ...] = ()
    states_sha256: str = ""

    def with_layer(self, layer: DoneLayer, states_sha256: str) -> Progress:
        return replace(self, layers=(*self.layers, layer), states_sha256=states_sha256)


class WorkFolder:
    """Args:
    path: of the folder; it is there, and nobody else has it.
    name: of the model.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.model = path / name  # what becomes the destination

    def states_file(self, layer: int) -> Path:
        """Hidden states before a layer."""
        return self.path / f"states-{layer}.bin"

    def begin(self, plan: Mapping[str, Any], *, discard: bool) -> Progress:
        """What is there of this plan: nothing, or some layers, each of them checked.

        Args:
            discard: throw away what was begun with another plan.

        Raises:
            UsageError: it was begun with another plan; says what differs.
        """
        progress = self._read()
        if progress is not None and progress.plan != plan:
            changed = sorted(key for key in {*progress.plan, *plan} if progress.plan.get(key) != plan.get(key))
            if not discard:
                raise UsageError(
                    f"{self.path} holds a quantisation that was begun with another {', '.join(changed)}",
                    remedy="go on with what it was begun with, or start anew with --force",
                )
            progress = None
        if progress is None:
            self._clear()
            progress = Progress(plan)
        return progress

    def write(self, progress: Progress) -> None:
        """Raises CheckpointError: it cannot be written."""
        data = asdict(progress)
        with atomic_file(self.path / PROGRESS_FILE) as file:
            file.write(json.dumps({"sha256": _sha256(data), "progress": data}, indent=1).encode())

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def _read(self) -> Progress | None:
        """None where there is nothing, or something is damaged: it is then made anew."""
        try:
            stored = read_json_object(self.path / PROGRESS_FILE, MAX_PROGRESS_BYTES)
            data = stored["progress"]
            if _sha256(data) != stored["sha256"]:
                return None
            layers = tuple(
                DoneLayer(layer["shard"], layer["sha256"], tuple(MatrixError(**matrix) for matrix in layer["matrices"]))
                for layer in data["layers"]
            )
            progress = Progress(data["plan"], data["formats"], layers, data["states_sha256"])
            whole = all(file_sha256(self.model / layer.shard) == layer.sha256 for layer in layers)
            states = not layers or file_sha256(self.states_file(len(layers))) == progress.states_sha256
        except (CheckpointError, KeyError, TypeError):
            return None
        return progress if whole and states else None

    def _clear(self) -> None:
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != LOCK_FILE:
                entry.unlink()
        self.model.mkdir()


def _sha256(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


@contextmanager
def work_folder(target: Path) -> Iterator[WorkFolder]:
    """The work folder of a destination, for this process alone.

    Raises:
        UsageError: another process quantises to the same destination.
        CheckpointError: the folder cannot be made.
    """
    path = target.with_name(f".{target.name}.quantizing")
    try:
        path.mkdir(parents=True, exist_ok=True)
        fd = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be made: {error.strerror}", remedy="choose a destination that can be written to"
        ) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"another process quantises to {target}", remedy="wait for it, or choose another destination"
            ) from None
        yield WorkFolder(path, target.name)
    finally:
        os.close(fd)
