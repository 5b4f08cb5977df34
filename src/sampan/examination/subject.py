"""A model opened as far as it can be: what is readable, and for each part that is not, why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sampan.checkpoint import Checkpoint, GgufCheckpoint, RawTensor, ResolvedModel
from sampan.checkpoint.base import TensorFile
from sampan.checkpoint.folder import CONFIG_FILE, INDEX_FILE, PADDLE_INDEX_FILE, QUANTIZATION, read_checkpoint
from sampan.checkpoint.paddle.pdparams_reader import PdparamsFile
from sampan.checkpoint.safetensors.reader import SafetensorsFile
from sampan.config import IMPLEMENTED, MAX_CONFIG_BYTES, ModelConfig
from sampan.engine.gguf_texts import unpack_texts
from sampan.errors import ConfigError, SampanError
from sampan.strict_json import read_json_object
from sampan.text import ChatTemplate, Tokenizer

T = TypeVar("T")
READERS: Mapping[str, Callable[[Path], TensorFile]] = {".safetensors": SafetensorsFile, ".pdparams": PdparamsFile}
# Keys that `ModelConfig` may refuse; without them it still tells the shapes.
REFUSABLE = (*IMPLEMENTED, "layer_types", "rope_scaling", "rope_parameters")


@dataclass
class Subject:
    """What is examined.

    Args:
        settings: `config.json` as it is, or the keys of a GGUF file.
        config: where settings were refused, without these: it then tells shapes only.
        tensors: under Hugging Face's names; those of files that can be read.
        checkpoint: None where any file cannot be read.
        weight_files: all files that hold weights, whether they can be read or not.
        texts: the folder with tokenizer and template.
        problems: why a part could not be read: `config`, `quantization`, `tokenizer`, `template`, or the name of a
            weight file; `weights` where the files contradict each other.
    """

    name: str
    path: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    config: ModelConfig | None = None
    tensors: dict[str, RawTensor] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    weight_files: Sequence[Path] = ()
    texts: Path | None = None
    tokenizer: Tokenizer | None = None
    template: ChatTemplate | None = None
    problems: dict[str, SampanError] = field(default_factory=dict)

    @property
    def is_gguf(self) -> bool:
        """Whether all is in one GGUF file."""
        return not self.path.is_dir()

    @property
    def thinks(self) -> bool:
        """Whether the tokenizer knows thoughts, as those of R1 and its distills do."""
        return self.tokenizer is not None and self.tokenizer.think_start_id is not None

    def stored(self) -> dict[str, int]:
        """Type -> number of weights that are stored so, the most frequent first."""
        counts: Counter[str] = Counter()
        for name, tensor in self.tensors.items():
            coded = None if self.checkpoint is None else self.checkpoint.coded(name)
            stored = tensor.dtype if coded is None else f"{coded.bits} bits in groups of {coded.group_size}"
            counts[stored] += math.prod(tensor.shape)
        return dict(counts.most_common())

    def attempt(self, part: str, read: Callable[[], T]) -> T | None:
        """What `read` returns; None, and a problem with that part, where it raises."""
        try:
            return read()
        except SampanError as error:
            self.problems[part] = error
        except Exception as error:  # whatever a damaged file leads to: it is what we are here to report
            self.problems[part] = SampanError(f"unexpected {type(error).__name__}: {error}", remedy="fetch it again")
        return None

    def told(self, text: str) -> str:
        """A message about the model without the path that all its messages share."""
        return text.replace(f"{self.path}/", "").replace(str(self.path), self.path.name)


def open_subject(model: ResolvedModel) -> Subject:
    """Opens all parts; never raises for what is wrong with them."""
    subject = Subject(model.name, model.path.absolute())  # a link's own name has a suffix
    if subject.is_gguf:
        _open_gguf(subject)
    else:
        _open_folder(subject)
    if subject.texts is not None:
        folder = subject.texts
        tokenizer = subject.attempt("tokenizer", lambda: Tokenizer.from_dir(folder))
        if tokenizer is not None:
            subject.tokenizer = tokenizer
            subject.template = subject.attempt("template", lambda: ChatTemplate(tokenizer))
    return subject


def _open_gguf(subject: Subject) -> None:
    subject.weight_files = [subject.path]
    checkpoint = subject.attempt(subject.path.name, lambda: read_checkpoint(subject.path))
    if not isinstance(checkpoint, GgufCheckpoint):
        return
    subject.checkpoint, subject.config, subject.settings = checkpoint, checkpoint.config, checkpoint.keys
    _add_tensors(subject, [checkpoint])
    subject.texts = subject.attempt("tokenizer", lambda: unpack_texts(checkpoint))


def _open_folder(subject: Subject) -> None:
    path = subject.texts = subject.path
    settings = subject.attempt("config", lambda: read_json_object(path / CONFIG_FILE, MAX_CONFIG_BYTES))
    if settings is not None:
        subject.settings = settings
        subject.config = subject.attempt("config", lambda: ModelConfig.from_dict(settings, source=CONFIG_FILE))
        if subject.config is None:
            known = {key: value for key, value in settings.items() if key not in REFUSABLE}
            try:
                subject.config = ModelConfig.from_dict(known)
            except SampanError:  # the shapes themselves are wrong
                subject.config = None
    subject.weight_files = subject.attempt("weights", partial(_weight_files, path)) or []
    opened = [subject.attempt(file.name, partial(READERS[file.suffix], file)) for file in subject.weight_files]
    readable = [file for file in opened if file is not None]
    if "config" not in subject.problems and len(readable) == len(opened):
        subject.checkpoint = subject.attempt("weights", partial(read_checkpoint, path))
        if isinstance(subject.problems.get("weights"), ConfigError):  # all of config.json was fine but this
            subject.problems["quantization"] = subject.problems.pop("weights")
    if subject.checkpoint is not None:
        _add_tensors(subject, [subject.checkpoint])
    elif QUANTIZATION not in subject.settings and not any(isinstance(file, PdparamsFile) for file in readable):
        _add_tensors(subject, readable)  # under names that mean what they say


def _add_tensors(subject: Subject, holders: Sequence[Checkpoint | TensorFile]) -> None:
    for holder in holders:
        for name in holder.names():
            tensor = subject.attempt("weights", partial(holder.raw, name))
            if tensor is not None:
                subject.tensors[name] = tensor


def _weight_files(folder: Path) -> list[Path]:
    """Those that lie there, and those that an index names."""
    names = {entry.name for entry in folder.iterdir() if entry.suffix in READERS}
    for index in (INDEX_FILE, PADDLE_INDEX_FILE):
        try:
            weight_map = read_json_object(folder / index, MAX_CONFIG_BYTES * 4).get("weight_map")
        except SampanError:  # absent, or reported when the folder is opened as a whole
            continue
        if isinstance(weight_map, dict):
            shards = {shard for shard in weight_map.values() if isinstance(shard, str)}
            names |= {shard for shard in shards if Path(shard).name == shard and Path(shard).suffix in READERS}
    return [folder / name for name in sorted(names)]
