"""`config.json`: whether Sampan computes what it says, and whether it says what the model of that shape should."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from sampan.backends.native import check_shape as check_kernels
from sampan.checkpoint.folder import QUANTIZATION
from sampan.config import ModelConfig
from sampan.errors import ConfigError
from sampan.examination.files import Report
from sampan.examination.subject import Subject
from sampan.finding import FAIL, OK, WARN, Finding
from sampan.zoo import ZOO, ZooEntry

SHAPE = ("model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "head_dim")
# What changes the answers and no tensor's shape: a wrong value goes unnoticed until someone reads what is written.
SILENT = ("rms_norm_eps", "rope_theta", "rope_scaling", "max_position_embeddings")


def check_config(subject: Subject, report: Report) -> Iterator[Finding]:
    """The architecture is one of Sampan's, with nothing in it that Sampan would leave out."""
    problem, config = subject.problems.get("config"), subject.config
    if problem is not None:
        yield Finding("config", FAIL, subject.told(problem.message), problem.remedy)
    elif config is not None:
        heads = f"{config.num_attention_heads} heads over {config.num_key_value_heads} for keys and values"
        try:
            check_kernels(config)
        except ConfigError as error:
            yield Finding("config", WARN, error.message, error.remedy)
        else:
            yield Finding("config", OK, f"{config.model_type}, {config.num_hidden_layers} layers, {heads}")


def check_quantization(subject: Subject, report: Report) -> Iterator[Finding]:
    """Weights that are stored as integers are of a format that is read."""
    problem, settings = subject.problems.get("quantization"), subject.settings.get(QUANTIZATION)
    if problem is not None:
        yield Finding("quantization", FAIL, subject.told(problem.message), problem.remedy)
    elif isinstance(settings, dict) and subject.checkpoint is not None:
        total = sum(subject.stored().values())
        shares = ", ".join(f"{stored} {count / total:.0%}" for stored, count in subject.stored().items())
        yield Finding("quantization", OK, f"{settings.get('quant_method', 'PaddleNLP')}: {shares}")


def check_shape(subject: Subject, report: Report) -> Iterator[Finding]:
    """A model in the shape of a distill has that distill's constants."""
    config = subject.config
    entry = None if config is None else known_shape(config)
    if config is None or entry is None or entry.config is None or not subject.thinks:
        return
    wrong = {name: getattr(config, name) for name in SILENT if getattr(config, name) != getattr(entry.config, name)}
    for name, value in wrong.items():
        published = _shown(getattr(entry.config, name))
        yield Finding(
            "constants",
            WARN,
            f"{name} is {_shown(value)}; {entry.name}, which has this shape, was published with {published}",
            f"set {name} to {published} in config.json, unless the model was trained with the other value",
        )
    if not wrong:
        yield Finding("constants", OK, f"those of {entry.name}")


def check_context(subject: Subject, report: Report) -> Iterator[Finding]:
    """The longest context and the rotary embedding agree."""
    config = subject.config
    if config is None:
        return
    scaling = config.rope_scaling
    detail = f"{config.max_position_embeddings:,} tokens, rope_theta {config.rope_theta:,.0f}"
    if scaling is not None and scaling.original_max_position_embeddings > config.max_position_embeddings:
        yield Finding(
            "context",
            WARN,
            f"rope_scaling starts from {scaling.original_max_position_embeddings:,} tokens, "
            f"max_position_embeddings is only {config.max_position_embeddings:,}",
            "set max_position_embeddings to the length that the model was trained for",
        )
    else:
        yield Finding("context", OK, detail + (f", scaled by {scaling.factor:g}" if scaling is not None else ""))


def known_shape(config: ModelConfig) -> ZooEntry | None:
    """The zoo's model of that shape."""
    for entry in ZOO:
        known = entry.config
        if known is not None and all(getattr(known, name) == getattr(config, name) for name in SHAPE):
            return entry
    return None


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str({f.name: getattr(value, f.name) for f in fields(value)})
