"""From what a user typed to a folder on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sampan.checkpoint.folder import CONFIG_FILE, GGUF
from sampan.checkpoint.local.hub_id import parse_hub_id
from sampan.checkpoint.local.manifest import read_manifest
from sampan.errors import CheckpointError, UnknownModelError
from sampan.zoo import EMBEDDED_MODEL, ZooEntry, find, shown

WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pdparams", ".pt", ".pth")


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that can be opened: a folder or a GGUF file. `entry` is None where the zoo does not have it."""

    name: str
    path: Path
    entry: ZooEntry | None = None


def sampan_home() -> Path:
    """Where Sampan keeps its files: `SAMPAN_HOME`, else `~/.cache/sampan`."""
    return Path(os.environ.get("SAMPAN_HOME") or "~/.cache/sampan").expanduser()


def models_home() -> Path:
    """Where the models are that were pulled, a folder for each."""
    return sampan_home() / "models"


def model_folder(entry: ZooEntry) -> Path:
    """Where a model of the zoo lies once it is on this machine; the folder need not exist."""
    if entry.is_embedded:
        return Path(__file__).parents[2] / "assets" / EMBEDDED_MODEL
    return models_home() / entry.name


def weights_path(folder: Path) -> Path:
    """What opens a model's folder: the folder, or the GGUF file that is all of the model."""
    if not os.path.isfile(folder / CONFIG_FILE):
        ggufs = [folder / name for name in os.listdir(folder) if name.lower().endswith(GGUF)]
        if len(ggufs) == 1:
            return ggufs[0]
    return folder


def resolve_model(name_or_path: str | None) -> ResolvedModel:
    """The folder or GGUF file of a model. None, like an empty setting, is the embedded model; a folder of the user's
    comes before a zoo entry of that name, and that before a folder under `models_home()`.

    Raises:
        UnknownModelError: no folder and no zoo entry of that name; the remedy names the nearest entries.
        CheckpointError: a known model is not on this machine, or a file was given where a folder belongs.
    """
    if not name_or_path:
        return _from_zoo(find(EMBEDDED_MODEL))
    path = Path(name_or_path).expanduser()
    if os.path.isdir(path):  # unlike `Path.is_dir` it takes any text
        return ResolvedModel(path.resolve().name, weights_path(path))
    if path.suffix.lower() == GGUF:
        return _gguf(name_or_path, path)
    if os.path.isfile(path) or path.suffix.lower() in WEIGHT_SUFFIXES:
        raise CheckpointError(f"{path} is a file, not a model folder", remedy=f"give its folder, {path.parent}")
    name, _, revision = name_or_path.partition("@")
    try:
        resolved = _from_zoo(find(name))
    except UnknownModelError as error:
        resolved = _pulled(name_or_path, error)
    if revision:
        _check_revision(resolved, revision, again=f"sampan pull {name_or_path} --force")
    return resolved


def _from_zoo(entry: ZooEntry) -> ResolvedModel:
    path = model_folder(entry)
    if os.path.isdir(path):
        return ResolvedModel(entry.name, weights_path(path), entry)
    if entry.is_embedded:
        raise CheckpointError(f"{path} does not exist", remedy="install Sampan again: its embedded model is missing")
    raise CheckpointError(f"{entry.name} is not on this machine", remedy=f"sampan pull {entry.name}")


def _check_revision(resolved: ResolvedModel, revision: str, again: str) -> None:
    folder = resolved.path if os.path.isdir(resolved.path) else resolved.path.parent
    manifest = read_manifest(folder)
    if manifest is None or revision not in (manifest.revision, manifest.commit):
        here = manifest.revision if manifest is not None else "a revision that nobody noted"
        raise CheckpointError(f"{resolved.name} is here from {here}, not {revision}", remedy=again)


def _gguf(name: str, path: Path) -> ResolvedModel:
    if os.path.isfile(path):
        return ResolvedModel(path.stem, path)
    if wanted := parse_hub_id(name):
        return _pulled(name, UnknownModelError(f"{wanted} is not on this machine", remedy=f"sampan pull {wanted}"))
    raise UnknownModelError(f"the file {shown(name)} does not exist", remedy="check the path")


def pulled_folder(name: str) -> Path | None:
    """The folder under `models_home()` that a hub id, or its own name, stands for; None where neither can be."""
    wanted = parse_hub_id(name)
    folder = models_home() / (wanted.name if wanted is not None else name)
    return folder if folder.parent == models_home() and not folder.name.startswith(".") else None


def _pulled(name: str, unknown: UnknownModelError) -> ResolvedModel:
    wanted, folder = parse_hub_id(name), pulled_folder(name)
    if folder is not None and os.path.isdir(folder):
        return ResolvedModel(str(wanted or name), weights_path(folder))
    if wanted is not None and wanted.file:
        raise unknown
    if wanted is not None:
        remedy = f"check the path, or fetch the model of that name: sampan pull {wanted}"
        raise UnknownModelError(f"the folder {shown(name)} does not exist, and no such model was pulled", remedy=remedy)
    if name.startswith(("~", ".")) or os.sep in name:
        remedy = "give a folder with config.json and model.safetensors, or a name that `sampan list` shows"
        raise UnknownModelError(f"the folder {shown(name)} does not exist", remedy=remedy)
    raise unknown
