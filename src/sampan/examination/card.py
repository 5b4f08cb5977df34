"""What a model is, on one card: shape, size, memory, template, stop ids, licence, where it is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sampan.checkpoint import ResolvedModel
from sampan.config import ModelConfig
from sampan.engine.generation_config import FILE, MAX_BYTES, read_sampling_defaults
from sampan.errors import SampanError
from sampan.examination.licence import read_license
from sampan.examination.memory import CONTEXTS, needs_of, served_as
from sampan.examination.origins import Origin, read_origin
from sampan.examination.stops import shown, stop_ids
from sampan.examination.subject import Subject, open_subject
from sampan.examination.template import template_age
from sampan.quant import AUTO
from sampan.strict_json import read_json_object
from sampan.zoo import ZooEntry

# Names of GGUF's mixtures of types, by `general.file_type` (`LLAMA_FTYPE` of llama.cpp).
FILE_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    7: "Q8_0",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    32: "BF16",
}


@dataclass(frozen=True)
class ModelCard:
    """What can be read of a model; None or empty where nothing can.

    Args:
        form: `safetensors`, `pdparams` or `gguf`.
        shape: the configuration, in Hugging Face's names.
        stored: element type -> share of the weights that are stored so; of a GGUF file the name of its mixture.
        served_as: the precision that `auto` takes.
        memory: precision -> `weights`, and the tokens of one request -> bytes of weights and its keys and values.
            `auto` is among them where it is none of the others, as for weights that are stored as integers.
        template: `February 2025`, `January 2025` or `another`.
        stop_tokens: id -> text.
        sampling: advice of the model's makers.
        problems: what is wrong with parts that cannot be read.
    """

    name: str
    path: str
    form: str
    shape: ModelConfig | None
    parameters: int | None
    stored: Mapping[str, float]
    bytes_on_disk: int
    num_files: int
    served_as: str | None
    memory: Mapping[str, Mapping[str, int]]
    tokens: int | None
    template: str | None
    stop_tokens: Mapping[int, str]
    sampling: Mapping[str, float]
    license: str
    source: str
    revision: str
    problems: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {"shape": self.shape.to_dict() if self.shape is not None else None}


def describe_model(model: ResolvedModel) -> ModelCard:
    """Reads headers and small files only; never raises for what is wrong with them."""
    subject = open_subject(model)
    config, origin = subject.config, subject.attempt("hashes", lambda: read_origin(subject.path)) or Origin()
    files = [file for file in subject.weight_files if file.is_file()]
    served = None if config is None else served_as(config, subject.checkpoint)
    return ModelCard(
        name=model.name,
        path=str(subject.path),
        form=_form(files),
        shape=config,
        parameters=None if config is None else config.num_parameters,
        stored=subject.attempt("weights", lambda: _stored(subject)) or {},
        bytes_on_disk=subject.attempt("files", lambda: _size(subject.path)) or 0,
        num_files=len(files),
        served_as=None if served is None else served[0],
        memory={} if config is None else _memory(config, served),
        tokens=None if subject.tokenizer is None else subject.tokenizer.vocab_size,
        template=_template(subject),
        stop_tokens=_stop_tokens(subject),
        sampling=_sampling(subject.texts),
        license=origin.license or _license(subject, model.entry),
        source=origin.source or (model.entry.huggingface_id if model.entry is not None else ""),
        revision=origin.revision,
        problems=tuple(subject.told(error.message) for error in subject.problems.values()),
    )


def _form(files: list[Path]) -> str:
    return files[0].suffix.lower().removeprefix(".") if files else ""


def _size(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _stored(subject: Subject) -> dict[str, float]:
    kind = subject.settings.get("general.file_type") if subject.is_gguf else None
    if isinstance(kind, int) and kind in FILE_TYPES:
        return {FILE_TYPES[kind]: 1.0}
    counts = subject.stored()
    total = sum(counts.values())
    return {stored: round(count / total, 4) for stored, count in counts.items()}


def _memory(config: ModelConfig, served: tuple[str, int] | None) -> dict[str, dict[str, int]]:
    longest = config.max_position_embeddings
    contexts = [length for length in CONTEXTS if length <= longest] or [longest]
    needs = dict(needs_of(config))
    if served is not None and served[0] in needs and served[1] != needs[served[0]].weights:
        needs[AUTO] = replace(needs[served[0]], weights=served[1])  # formats that were chosen matrix by matrix
    return {
        precision: {"weights": need.weights, **{str(length): need.total(length) for length in contexts}}
        for precision, need in needs.items()
    }


def _template(subject: Subject) -> str | None:
    template = subject.template
    return None if template is None else subject.attempt("template", lambda: template_age(template)) or "another"


def _stop_tokens(subject: Subject) -> dict[int, str]:
    tokenizer = subject.tokenizer
    if tokenizer is None:
        return {}
    return {token_id: shown(tokenizer, token_id) for token_id in stop_ids(tokenizer, subject.config)}


def _sampling(texts: Path | None) -> dict[str, float]:
    """The values that a file names, not those that stand in for absent ones."""
    try:
        if texts is None:
            return {}
        named = read_json_object(texts / FILE, MAX_BYTES)
        params = read_sampling_defaults(texts)
    except SampanError:
        return {}
    return {
        name: getattr(params, name) for name in ("temperature", "top_p", "top_k", "repetition_penalty") if name in named
    }


def _license(subject: Subject, entry: ZooEntry | None) -> str:
    if subject.is_gguf:
        return str(subject.settings.get("general.license", ""))
    return entry.license_notice if entry is not None else read_license(subject.path)
