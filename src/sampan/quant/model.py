"""A model whose weights are packed, as the native backend takes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sampan.checkpoint.dtypes import Array
from sampan.checkpoint.safetensors.header import Entry
from sampan.config import ModelConfig
from sampan.quant.layout import PADDING
from sampan.quant.requantised import Requantised


@dataclass(frozen=True, slots=True)
class PackedModel:
    """Weights in the layout of `sampan.quant.layout`.

    Args:
        precision: what was asked for, one of `PRECISIONS`.
        formats: the format of each matrix, such as `{"layers.0.qkv_proj": "int4", "lm_head": "int8"}`.
        tensors: read-only and aligned to 64 bytes; bf16 and fp16 codes as their bits in uint16, scales as float16.
        path: the store that they are mapped from; None where they are in memory alone.
        num_bytes: of all tensors.
        requantised: what was lost where weights were quantised already and could not be taken over as they are.
    """

    config: ModelConfig
    precision: str
    formats: dict[str, str]
    tensors: dict[str, Array]
    path: Path | None
    num_bytes: int
    requantised: tuple[Requantised, ...] = ()


def view_tensors(data: Array, entries: Mapping[str, Entry]) -> dict[str, Array]:
    """The tensors that lie in `data`, bytes [size], without copies; they can be written to where `data` can."""
    tensors: dict[str, Array] = {}
    for name, entry in entries.items():
        if name.startswith(PADDING):
            continue
        storage = np.dtype(np.uint16) if entry.dtype.name == "fp16" and name.endswith(".codes") else entry.dtype.storage
        assert math.prod(entry.shape) * storage.itemsize == entry.end - entry.begin
        tensors[name] = data[entry.begin : entry.end].view(storage).reshape(entry.shape)
    return tensors
