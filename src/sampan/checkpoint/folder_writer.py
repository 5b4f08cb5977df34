"""Writes a checkpoint as a folder in Hugging Face's form or in PaddleNLP's."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sampan.checkpoint.atomic import atomic_file
from sampan.checkpoint.dtypes import BY_NAME, check_float_dtype
from sampan.checkpoint.folder import CONFIG_FILE, INDEX_FILE, PADDLE_FILE, PADDLE_INDEX_FILE, SINGLE_FILE
from sampan.checkpoint.paddle.layout import as_paddles
from sampan.checkpoint.paddle.pdparams_writer import write_pdparams
from sampan.checkpoint.pieces import Tensor, as_raw, is_float
from sampan.checkpoint.room import check_room
from sampan.checkpoint.safetensors.writer import write_safetensors
from sampan.checkpoint.shapes import check_shapes, expected_tensors
from sampan.config import ModelConfig
from sampan.errors import CheckpointError, ConfigError

TORCH_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
# Name of a single file, of an index, and of shards.
FORMS = {
    "safetensors": (SINGLE_FILE, INDEX_FILE, "model-*-of-*.safetensors"),
    "pdparams": (PADDLE_FILE, PADDLE_INDEX_FILE, "model_state-*-of-*.pdparams"),
}
METADATA = {"format": "pt"}  # transformers wants to read this; it stands for row-major [out, in] weights


def write_checkpoint(
    path: str | Path,
    config: ModelConfig,
    tensors: Mapping[str, Tensor],
    dtype: str = "bf16",
    max_shard_bytes: int | None = None,
    *,
    form: str = "safetensors",
    report: Callable[[int, int], None] | None = None,
) -> None:
    """Writes `config.json` and the weights; weight files of an older checkpoint in that folder are replaced.

    Args:
        tensors: exactly those of `expected_tensors(config)`.
        dtype: `fp32`, `fp16` or `bf16` (nearest, ties to even).
        max_shard_bytes: start another file before one grows beyond this; None writes one file.
        form: `safetensors`, or `pdparams`: with PaddleNLP's names and layouts, for `paddle.load`.
        report: is told how many bytes of weights are written, and of how many.

    Raises:
        ConfigError: unknown `dtype` or `form`.
        CheckpointError: tensors do not fit the configuration, or a file cannot be written.
    """
    folder = Path(path)
    check_float_dtype(dtype)
    if form not in FORMS:
        raise ConfigError(f"form={form!r} is unknown", remedy=f"use {', '.join(FORMS)}")
    sources = {name: as_raw(tensor, f"{folder}: tensor {name!r}") for name, tensor in tensors.items()}
    shapes = {name: raw.shape for name, raw in sources.items()}
    check_shapes(expected_tensors(config), shapes, files=dict.fromkeys(sources, folder), path=folder)
    integers = [name for name, raw in sources.items() if not is_float(raw)]
    if integers:
        raise CheckpointError(f"{folder}: tensor {integers[0]!r} does not hold floats", remedy="give float arrays")
    make_folder(folder)
    single, index, _ = FORMS[form]
    outdated = {path for names in FORMS.values() for name in names for path in folder.glob(name)}
    stored = as_paddles(sources, config) if form == "pdparams" else sources
    sizes = {name: math.prod(raw.shape) * BY_NAME[dtype].storage.itemsize for name, raw in stored.items()}
    check_room(folder, sum(sizes.values()), "the weights")
    count = _Count(sum(sizes.values()), report)
    shards = split(sizes, max_shard_bytes, single)
    for file_name, names in shards.items():
        part = {name: stored[name] for name in names}
        if form == "pdparams":
            write_pdparams(folder / file_name, part, dtype, report=count.add)
        else:
            write_safetensors(folder / file_name, part, dtype, METADATA, report=count.add)
        outdated.discard(folder / file_name)
    if len(shards) > 1:
        weight_map = {name: file_name for file_name, names in shards.items() for name in names}
        write_json(folder / index, {"metadata": {"total_size": sum(sizes.values())}, "weight_map": weight_map})
        outdated.discard(folder / index)
    write_json(folder / CONFIG_FILE, {**config.to_dict(), "torch_dtype": TORCH_DTYPES[dtype]})
    for file in outdated:
        file.unlink(missing_ok=True)


class _Count:
    """Adds up what the files say that they have written."""

    def __init__(self, total: int, report: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._report = 0, total, report

    def add(self, num_bytes: int) -> None:
        self._done += num_bytes
        if self._report is not None:
            self._report(self._done, self._total)


def make_folder(folder: Path) -> None:
    """Makes it where there is none. Raises CheckpointError: it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be made: {error.strerror}", remedy="choose another folder") from error


def split(sizes: Mapping[str, int], max_bytes: int | None, single: str) -> dict[str, list[str]]:
    """File name -> tensors in it, in order. A tensor that is larger than `max_bytes` has a file of its own."""
    groups: list[list[str]] = [[]]
    size = 0
    for name, tensor_size in sizes.items():
        if groups[-1] and max_bytes is not None and size + tensor_size > max_bytes:
            groups.append([])
            size = 0
        groups[-1].append(name)
        size += tensor_size
    if len(groups) == 1:
        return {single: groups[0]}
    stem, _, suffix = single.rpartition(".")
    return {f"{stem}-{i:05d}-of-{len(groups):05d}.{suffix}": group for i, group in enumerate(groups, start=1)}


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Raises CheckpointError: it cannot be written; an older file then stays."""
    with atomic_file(path) as file:
        file.write((json.dumps(data, indent=2, sort_keys=True) + "\n").encode())
