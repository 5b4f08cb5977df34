"""From what a user typed to a folder on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sampan.checkpoint.folder import GGUF
from sampan.errors import CheckpointError, UnknownModelError
from sampan.zoo import EMBEDDED_MODEL, ZooEntry, find, shown

WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pdparams", ".pt", ".pth")


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that can be opened: a folder or a GGUF file. `entry` is None where the user named it."""

    name: str
    path: Path
    entry: ZooEntry | None = None


def sampan_home() -> Path:
    """Where Sampan keeps its files: `SAMPAN_HOME`, else `~/.cache/sampan`."""
    return Path(os.environ.get("SAMPAN_HOME") or "~/.cache/sampan").expanduser()


def model_folder(entry: ZooEntry) -> Path:
    """Where a model of the zoo lies once it is on this machine; the folder need not exist."""
    if entry.is_embedded:
        return Path(__file__).parents[1] / "assets" / EMBEDDED_MODEL
    return sampan_home() / "models" / entry.name


def resolve_model(name_or_path: str | None) -> ResolvedModel:
    """The folder or GGUF file of a model. None, like an empty setting, is the embedded model; a folder of the user's
    comes before a zoo entry of that name.

    Raises:
        UnknownModelError: no folder and no zoo entry of that name; the remedy names the nearest entries.
        CheckpointError: a known model is not on this machine, or a file was given where a folder belongs.
    """
    if not name_or_path:
        return _from_zoo(find(EMBEDDED_MODEL))
    path = Path(name_or_path).expanduser()
    if os.path.isdir(path):  # unlike `Path.is_dir` it takes any text
        return ResolvedModel(path.resolve().name, path)
    if path.suffix.lower() == GGUF:
        if not os.path.isfile(path):
            raise UnknownModelError(f"the file {shown(name_or_path)} does not exist", remedy="check the path")
        return ResolvedModel(path.stem, path)
    if os.path.isfile(path) or path.suffix.lower() in WEIGHT_SUFFIXES:
        raise CheckpointError(f"{path} is a file, not a model folder", remedy=f"give its folder, {path.parent}")
    try:
        return _from_zoo(find(name_or_path))
    except UnknownModelError as error:
        if name_or_path.startswith(("~", ".")) or os.sep in name_or_path:
            remedy = "give a folder with config.json and model.safetensors, or a name that `sampan list` shows"
            raise UnknownModelError(f"the folder {shown(name_or_path)} does not exist", remedy=remedy) from error
        raise


def _from_zoo(entry: ZooEntry) -> ResolvedModel:
    path = model_folder(entry)
    if os.path.isdir(path):
        return ResolvedModel(entry.name, path, entry)
    if entry.is_embedded:
        raise CheckpointError(f"{path} does not exist", remedy="install Sampan again: its embedded model is missing")
    raise CheckpointError(
        f"{entry.name} is not on this machine", remedy=f"put all files of {entry.huggingface_id} into {path}"
    )
