"""A checkpoint as a folder in Hugging Face's form: `config.json` and safetensors, one file or shards with an index."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sampan.checkpoint.base import Checkpoint, RawTensor
from sampan.checkpoint.dtypes import Float32Array
from sampan.checkpoint.safetensors_reader import SafetensorsFile
from sampan.checkpoint.shapes import verify
from sampan.config import ModelConfig
from sampan.errors import CheckpointError
from sampan.strict_json import FETCH_AGAIN, read_json_object

CONFIG_FILE = "config.json"
SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
OTHER_FORMS = (".bin", ".gguf", ".pdparams", ".pt", ".pth")
MAX_INDEX_BYTES = 4_000_000  # as for the headers that it sums up


class FolderCheckpoint:
    """See `Checkpoint`. `tensors` says which file holds which name."""

    def __init__(self, path: Path, config: ModelConfig, tensors: Mapping[str, SafetensorsFile]) -> None:
        self.path, self.config = path, config
        self._tensors = tensors

    def names(self) -> Sequence[str]:
        return list(self._tensors)

    def get(self, name: str) -> Float32Array:
        return self._file(name).get(name)

    def raw(self, name: str) -> RawTensor:
        return self._file(name).raw(name)

    def _file(self, name: str) -> SafetensorsFile:
        if name not in self._tensors:
            raise CheckpointError(f"{self.path} holds no tensor {name!r}", remedy="check the name")
        return self._tensors[name]


def open_checkpoint(path: str | Path) -> Checkpoint:
    """Opens a folder and verifies it against its `config.json`; tensor data is read later, when it is asked for.

    Raises:
        CheckpointError: the folder or a file is absent or damaged, or the tensors are not those of the configuration.
        ConfigError: the configuration describes a model that Sampan does not know.
    """
    folder = Path(path)
    if not os.path.isdir(folder):  # unlike `Path.is_dir` it does not raise where the way there is barred
        raise CheckpointError(f"{folder} is not a folder", remedy="give one with config.json and weights")
    config = ModelConfig.from_file(folder / CONFIG_FILE)
    checkpoint = FolderCheckpoint(folder, config, _open_files(folder))
    verify(checkpoint)
    return checkpoint


def _open_files(folder: Path) -> dict[str, SafetensorsFile]:
    single, index = folder / SINGLE_FILE, folder / INDEX_FILE
    if single.exists() and index.exists():
        raise CheckpointError(f"{folder} holds {SINGLE_FILE} and {INDEX_FILE}", remedy="remove the outdated one")
    if index.exists():
        return _open_shards(folder, index)
    if not single.exists():
        raise CheckpointError(f"{folder} holds no {SINGLE_FILE} and no {INDEX_FILE}", remedy=_remedy(folder))
    file = SafetensorsFile(single)
    return dict.fromkeys(file.names(), file)


def _remedy(folder: Path) -> str:
    """Names a weight file of another form, where the folder holds one."""
    others = sorted(entry.name for entry in folder.glob("*") if entry.suffix in OTHER_FORMS)
    return f"{others[0]} is of a form that this version does not read" if others else "put the weight files there"


def _open_shards(folder: Path, index: Path) -> dict[str, SafetensorsFile]:
    weight_map = read_json_object(index, MAX_INDEX_BYTES).get("weight_map")
    if not isinstance(weight_map, dict) or not all(_is_shard_name(shard) for shard in weight_map.values()):
        raise CheckpointError(f"{index}: weight_map must map tensors to files beside it", remedy=FETCH_AGAIN)
    files = {shard: SafetensorsFile(folder / shard) for shard in sorted(set(weight_map.values()))}
    listed = {(shard, name) for name, shard in weight_map.items()}
    stored = {(shard, name) for shard, file in files.items() for name in file.names()}
    for shard, name in sorted(listed ^ stored):
        what = "lacks" if (shard, name) in listed else "is not listed to hold"
        raise CheckpointError(f"{folder / shard} {what} the tensor {name!r}, says {index.name}", remedy=FETCH_AGAIN)
    return {name: files[shard] for name, shard in weight_map.items()}


def _is_shard_name(value: object) -> bool:
    """A bare file name: an index must not lead us out of its folder."""
    return isinstance(value, str) and value.endswith(".safetensors") and "\0" not in value and Path(value).name == value
