"""A checkpoint as a folder in Hugging Face's form, or PaddleNLP's: `config.json` and safetensors or `.pdparams`, one
file or shards with an index."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sampan.checkpoint.base import Checkpoint, CodedTensor, RawTensor, TensorFile
from sampan.checkpoint.dtypes import Float32Array
from sampan.checkpoint.gguf.model import read_gguf
from sampan.checkpoint.paddle.layout import PREFIXES, PaddleLayout
from sampan.checkpoint.paddle.pdparams_reader import PdparamsFile
from sampan.checkpoint.quantized.tensors import with_quantized
from sampan.checkpoint.safetensors.reader import SafetensorsFile
from sampan.checkpoint.shapes import expected_tensors, verify
from sampan.config import MAX_CONFIG_BYTES, ModelConfig
from sampan.errors import CheckpointError
from sampan.strict_json import FETCH_AGAIN, read_json_object

CONFIG_FILE = "config.json"
SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
PADDLE_FILE = "model_state.pdparams"
PADDLE_INDEX_FILE = "model_state.pdparams.index.json"
QUANTIZATION = "quantization_config"  # a key of config.json
GGUF = ".gguf"
OTHER_FORMS = (".bin", GGUF, ".pt", ".pth")
MAX_INDEX_BYTES = 4_000_000  # as for the headers that it sums up


class FolderCheckpoint:
    """See `Checkpoint`. `tensors` says which of `files` holds which name."""

    def __init__(
        self, path: Path, config: ModelConfig, tensors: Mapping[str, TensorFile], files: Sequence[Path]
    ) -> None:
        self.path, self.config = path, config
        self._tensors, self._files = tensors, files

    def files(self) -> Sequence[Path]:
        return self._files

    def names(self) -> Sequence[str]:
        return list(self._tensors)

    def get(self, name: str) -> Float32Array:
        return self._file(name).get(name)

    def raw(self, name: str) -> RawTensor:
        return self._file(name).raw(name)

    def coded(self, name: str) -> CodedTensor | None:
        return self._file(name).coded(name)

    def _file(self, name: str) -> TensorFile:
        if name not in self._tensors:
            raise CheckpointError(f"{self.path} holds no tensor {name!r}", remedy="check the name")
        return self._tensors[name]


def open_checkpoint(path: str | Path) -> Checkpoint:
    """Opens a folder and verifies it against its `config.json`, or a GGUF file; tensor data is read later, when it is
    asked for.

    Raises:
        CheckpointError: the folder or a file is absent or damaged, or the tensors are not those of the configuration.
        ConfigError: the configuration describes a model that Sampan does not know.
    """
    checkpoint = read_checkpoint(Path(path))
    verify(checkpoint)
    return checkpoint


def read_checkpoint(folder: Path) -> Checkpoint:
    """The same without the check of the tensors, for those who want to know all that is wrong with them."""
    if folder.suffix.lower() == GGUF and not os.path.isdir(folder):
        return read_gguf(folder)
    if not os.path.isdir(folder):  # unlike `Path.is_dir` it does not raise where the way there is barred
        raise CheckpointError(f"{folder} is not a folder", remedy="give one with config.json and weights")
    data = read_json_object(folder / CONFIG_FILE, MAX_CONFIG_BYTES)
    config = ModelConfig.from_dict(data, source=str(folder / CONFIG_FILE))
    files = _open_files(folder)
    if _are_paddles(files):
        files = {shard: PaddleLayout(file, config) for shard, file in files.items()}
    tensors = {name: file for file in files.values() for name in file.names()}
    paths = [file.path for file in files.values()]
    if data.get(QUANTIZATION) is not None:
        tensors = with_quantized(folder / CONFIG_FILE, data[QUANTIZATION], tensors, expected_tensors(config))
        paths.append(folder / CONFIG_FILE)  # it says what the integers mean
    return FolderCheckpoint(folder, config, tensors, paths)


def _are_paddles(files: Mapping[str, TensorFile]) -> bool:
    """Whether names and layouts are PaddleNLP's. One shard alone may not show it: `lm_head` has the same name."""
    return any(
        isinstance(file, PdparamsFile) or any(name.startswith(PREFIXES) for name in file.names())
        for file in files.values()
    )


def _open_files(folder: Path) -> Mapping[str, TensorFile]:
    """File name -> file. No two hold a tensor of the same name."""
    found = [name for name in (SINGLE_FILE, INDEX_FILE, PADDLE_FILE, PADDLE_INDEX_FILE) if (folder / name).exists()]
    if not found:
        raise CheckpointError(f"{folder} holds no {SINGLE_FILE} and no {INDEX_FILE}", remedy=_remedy(folder))
    if len(found) > 1:
        raise CheckpointError(f"{folder} holds {' and '.join(found)}", remedy="remove the outdated one")
    if found[0].endswith(".json"):
        return _open_shards(folder, folder / found[0])
    return {found[0]: _open_file(folder / found[0])}


def _open_file(path: Path) -> TensorFile:
    return PdparamsFile(path) if path.suffix == ".pdparams" else SafetensorsFile(path)


def _remedy(folder: Path) -> str:
    """Names a weight file of another form, where the folder holds one."""
    others = sorted(entry.name for entry in folder.glob("*") if entry.suffix in OTHER_FORMS)
    return f"{others[0]} is of a form that this version does not read" if others else "put the weight files there"


def _open_shards(folder: Path, index: Path) -> Mapping[str, TensorFile]:
    weight_map = read_json_object(index, MAX_INDEX_BYTES).get("weight_map")
    suffix = Path(index.name.removesuffix(".index.json")).suffix
    if not isinstance(weight_map, dict) or not all(_is_shard_name(shard, suffix) for shard in weight_map.values()):
        raise CheckpointError(f"{index}: weight_map must map tensors to files beside it", remedy=FETCH_AGAIN)
    files = {shard: _open_file(folder / shard) for shard in sorted(set(weight_map.values()))}
    listed = {(shard, name) for name, shard in weight_map.items()}
    stored = {(shard, name) for shard, file in files.items() for name in file.names()}
    for shard, name in sorted(listed ^ stored):
        what = "lacks" if (shard, name) in listed else "is not listed to hold"
        raise CheckpointError(f"{folder / shard} {what} the tensor {name!r}, says {index.name}", remedy=FETCH_AGAIN)
    return files


def _is_shard_name(value: object, suffix: str) -> bool:
    """A bare file name: an index must not lead us out of its folder."""
    return isinstance(value, str) and value.endswith(suffix) and value.isprintable() and Path(value).name == value
