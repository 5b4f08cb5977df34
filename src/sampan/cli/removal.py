"""What `sampan rm` removes: never anything outside SAMPAN_HOME, never what something else uses."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampan.checkpoint import model_folder, models_home, open_checkpoint, pulled_folder
from sampan.checkpoint.local.resolve import weights_path
from sampan.cli.sizes import human_bytes
from sampan.cli.terminal import printable
from sampan.errors import SampanError, UnknownModelError, UsageError
from sampan.quant.stores import MadeFrom, stores_made_from
from sampan.quant.turns import my_turn
from sampan.zoo import find, shown


@dataclass(frozen=True, slots=True)
class Removal:
    """A model's folder, which need not exist, its unfinished download, and packed stores to remove and to keep."""

    folder: Path
    unfinished: Path
    stores: list[Path]
    kept: list[Path]
    num_bytes: int

    def run(self) -> None:
        """Raises UsageError: the model is being pulled at the moment."""

        def waiting() -> None:
            raise UsageError(f"{self.folder.name} is being pulled", remedy="stop that first, or wait until it is done")

        with my_turn(self.folder, waiting):
            if self.folder.is_symlink():
                self.folder.unlink()  # what it leads to is not ours
            for path in (self.folder, self.unfinished):
                if path.exists():
                    shutil.rmtree(path)
            for store in self.stores:
                store.unlink(missing_ok=True)

    def describe(self) -> str:
        """In one line."""
        what = str(self.folder if self.folder.exists() or not self.unfinished.exists() else self.unfinished)
        stores = f" with {len(self.stores)} packed cop{'y' if len(self.stores) == 1 else 'ies'} of it"
        return f"{what}{stores if self.stores else ''} ({human_bytes(self.num_bytes)})"

    def as_json(self) -> dict[str, Any]:
        """What a script may want to know."""
        return {
            "removed": str(self.folder),
            "stores": [str(path) for path in self.stores],
            "kept_stores": [str(path) for path in self.kept],
            "bytes": self.num_bytes,
        }


def find_removal(name: str, *, packed: bool) -> Removal:
    """What a name stands for.

    Raises:
        UsageError: it is the embedded model, or lies elsewhere. UnknownModelError: nothing of that name is here.
    """
    folder = _folder(name)
    unfinished = folder.with_name(f".{folder.name}.part")
    if not folder.exists() and not folder.is_symlink() and not unfinished.exists():
        raise UnknownModelError(f"{folder.name} is not on this machine", remedy="sampan list shows what is")
    made = _stores(folder) if packed and folder.exists() else MadeFrom([], [])
    stores, kept = ([], made.stores) if made.also_used_by else (made.stores, [])
    owned = [] if folder.is_symlink() else [folder]
    files = [file for path in (*owned, unfinished) for file in path.rglob("*") if file.is_file()]
    return Removal(folder, unfinished, stores, kept, sum(file.lstat().st_size for file in [*files, *stores]))


def _folder(name: str) -> Path:
    path = Path(name).expanduser()
    if path.is_absolute() or name.startswith((".", "~")):
        folder = path.parent.resolve() / path.name
        if folder.parent != models_home().resolve() or folder.name.startswith("."):
            remedy = "sampan rm takes a name of sampan list; what lies elsewhere is yours to remove"
            raise UsageError(f"{shown(name)} is not under {models_home()}", remedy=remedy)
        return folder
    try:
        entry = find(name)
    except UnknownModelError:
        found = pulled_folder(name)
        if found is None:
            raise
        return found
    if entry.is_embedded:
        raise UsageError(f"{entry.name} comes with Sampan", remedy="it goes with it: pip uninstall sampan")
    return model_folder(entry)


def _stores(folder: Path) -> MadeFrom:
    """None where the model cannot be opened: then it was not packed either, or nobody can tell."""
    try:
        return stores_made_from(open_checkpoint(weights_path(folder)))
    except (SampanError, OSError):
        return MadeFrom([], [])


def ask(what: str) -> None:
    """Raises UsageError: the answer is not yes, or nobody is there to give one."""
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to say yes", remedy="add --yes")
    print(f"remove {printable(what, lines=False)}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was removed", remedy="answer y, or add --yes")
