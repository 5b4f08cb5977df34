"""A model in another form: safetensors, PaddleNLP's `.pdparams`, or a GGUF file; weights and texts alike."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from sampan.checkpoint import Checkpoint, GgufCheckpoint, open_checkpoint, resolve_model, write_checkpoint, write_gguf
from sampan.checkpoint.dtypes import FLOAT_DTYPES
from sampan.errors import CheckpointError, ConfigError
from sampan.text.gguf_keys import tokenizer_keys
from sampan.text.gguf_vocabulary import tokenizer_files

FORMS = ("safetensors", "pdparams", "gguf")
DTYPES = ("auto", "fp32", "fp16", "bf16", "q8_0")
MAX_SHARD_BYTES = 5_000_000_000
# What a model folder holds beside its weights and their configuration.
TEXTS = (
    "tokenizer*.json",
    "special_tokens_map.json",
    "generation_config.json",
    "chat_template*",
    "LICENSE*",
    "README.md",
)

Report = Callable[[int, int], None]


def convert(
    model: str, target: str | Path, *, form: str = "safetensors", dtype: str = "auto", report: Report | None = None
) -> str:
    """Writes a model anew; the target has its name only once it is whole.

    Args:
        model: a zoo name, a folder or a GGUF file.
        target: a folder; a file where `form` is `gguf`. It must not exist yet.
        form: one of `FORMS`.
        dtype: of the matrices, one of `DTYPES`. `auto` is q8_0 in a GGUF file; in a folder the source's own type, or
            fp32 where the source is quantised: no bit is lost. Only a GGUF file holds q8_0.
        report: is told how many bytes of weights are written, and of how many.

    Returns:
        The type that the matrices are written in.

    Raises:
        UnknownModelError, CheckpointError, TokenizerError, ConfigError: the model cannot be read or written.
    """
    if form not in FORMS:
        raise ConfigError(f"form={form!r} is not known", remedy=f"use {', '.join(FORMS)}")
    if dtype not in DTYPES or (dtype == "q8_0" and form != "gguf"):
        known = ", ".join(name for name in DTYPES if name != "q8_0" or form == "gguf")
        raise ConfigError(f"dtype={dtype!r} is not known to {form}", remedy=f"use {known}")
    target = Path(target)
    if os.path.lexists(target):
        raise CheckpointError(f"{target} exists already", remedy="remove it, or choose another name")
    resolved = resolve_model(model)
    checkpoint = open_checkpoint(resolved.path)
    if dtype == "auto":
        dtype = "q8_0" if form == "gguf" else _stored_dtype(checkpoint)
    if form == "gguf":
        name, texts = resolved.name, None
        if isinstance(checkpoint, GgufCheckpoint):
            name = str(checkpoint.keys.get("general.name", name))
            texts = {key: value for key, value in checkpoint.keys.items() if key.startswith("tokenizer.")}
        else:
            texts = tokenizer_keys(resolved.path, checkpoint.config.vocab_size)
        write_gguf(target, checkpoint, dtype, name=name, texts=texts, report=report)
    else:
        _write_folder(target, checkpoint, resolved.path, dtype, form, report)
    return dtype


def write_texts(checkpoint: Checkpoint, source: Path, folder: Path) -> None:
    """Tokenizer, template, advice and licence of a model, into a folder that is there.

    Args:
        source: what the checkpoint was opened from: a folder, or a GGUF file, from whose keys they are made.

    Raises:
        TokenizerError: a GGUF file's tokenizer cannot be read.
        OSError: a file cannot be read or written.
    """
    if isinstance(checkpoint, GgufCheckpoint):
        for name, content in tokenizer_files(checkpoint.keys, str(source)).items():
            (folder / name).write_text(content, encoding="utf-8")
        return
    copy_texts(source, folder)


def copy_texts(source: Path, target: Path) -> None:
    """Copies what a model folder holds beside its weights and their configuration. Raises OSError."""
    for file in {file for pattern in TEXTS for file in source.glob(pattern)}:
        shutil.copyfile(file, target / file.name)


def _stored_dtype(checkpoint: Checkpoint) -> str:
    """The widest float type of the matrices."""
    raws = [checkpoint.raw(name) for name in checkpoint.names()]
    stored = {raw.dtype for raw in raws if len(raw.shape) == 2}
    return stored.pop() if len(stored) == 1 else FLOAT_DTYPES[0]


def _write_folder(
    target: Path, checkpoint: Checkpoint, source: Path, dtype: str, form: str, report: Report | None
) -> None:
    temporary = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
    try:
        temporary.mkdir()
        write_texts(checkpoint, source, temporary)
        tensors = {name: checkpoint.raw(name) for name in checkpoint.names()}
        write_checkpoint(temporary, checkpoint.config, tensors, dtype, MAX_SHARD_BYTES, form=form, report=report)
        temporary.rename(target)
    except OSError as error:
        raise CheckpointError(
            f"{target} cannot be written: {error.strerror}", remedy="check the folder, its permissions and free space"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
