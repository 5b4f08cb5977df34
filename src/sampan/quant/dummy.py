"""A model of a given shape with random weights, made in the packed layout: for measuring without a download.

Weights are statistically those of a trained model that was packed, W ~ N(0, 0.02): codes are drawn from the quantiles
of a quantised normal distribution, scales from those of the largest of 32 normal values. No wider matrix is ever made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from sampan import _native
from sampan.checkpoint.dtypes import Array, Float32Array, from_float32
from sampan.config import ModelConfig
from sampan.quant.layout import GROUP_SIZE, PANEL, QUANTIZED, Part, choose_formats, data_size, lay_out, parts_of
from sampan.quant.model import PackedModel, view_tensors
from sampan.quant.packing import num_processors
from sampan.quant.pages import anonymous_memory

SPREAD = 0.02
LARGEST_CODE = {"int8": 127, "int4": 8}
OFFSET = {"int8": 128, "int4": 8}
QUANTILES = 4096  # entries of the tables that the native code draws from
Unsigned = npt.NDArray[Any]
PIECE = 1 << 22  # numbers; a multiple of four, which are drawn together


def dummy_model(config: ModelConfig, precision: str, *, seed: int = 0, threads: int | None = None) -> PackedModel:
    """Random weights in memory: the same for a seed, however many threads draw them. Norms are 1.

    Raises:
        ConfigError: unknown precision.
        CheckpointError: a matrix cannot be packed in its format.
    """
    formats = choose_formats(config, precision)
    parts = parts_of(config, formats)
    entries = lay_out(parts)
    memory = anonymous_memory(data_size(entries))
    tensors = view_tensors(memory, entries)
    with ThreadPoolExecutor(threads or num_processors()) as pool:
        for _ in pool.map(lambda piece: _native.draw(*piece), _pieces(parts, tensors, seed)):
            pass
    for part in parts:
        if part.kind == "panels" and part.n % PANEL:
            _blank_padding(part, tensors)
    memory.flags.writeable = False
    return PackedModel(config, precision, formats, view_tensors(memory, entries), None, memory.nbytes)


def _pieces(
    parts: Sequence[Part], tensors: Mapping[str, Array], seed: int
) -> Iterator[tuple[Unsigned, int, int, Unsigned]]:
    """Table, seed, first number and destination of each piece of work."""
    for part in parts:
        for name in part.tensors():
            table = _table(part, name)
            flat = tensors[name].reshape(-1).view(table.dtype)
            tensor_seed = int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "little")
            for begin in range(0, flat.size, PIECE):
                yield table, tensor_seed, begin, flat[begin : begin + PIECE]


def _table(part: Part, name: str) -> Unsigned:
    """What the numbers of a tensor are drawn from, as their bits."""
    if name.endswith("norm"):
        return np.ones(QUANTILES, np.float32).view(np.uint32)
    if part.format not in QUANTIZED:
        stored = from_float32(_normal(QUANTILES) * np.float32(SPREAD), part.format)
        return stored.view(np.uint32 if part.format == "fp32" else np.uint16)
    codes, scales = _quantized(part.format)
    if name.endswith(".scales"):
        return scales.view(np.uint16)
    if part.kind == "rows":
        return codes.view(np.uint8)
    shifted = (codes.astype(np.int16) + OFFSET[part.format]).astype(np.uint8)
    if part.format == "int8":
        return shifted
    return (shifted[:, None] | shifted << 4).reshape(-1)  # every pair of codes


@cache
def _normal(count: int) -> Float32Array:
    """Quantiles of the standard normal distribution, at the middles of `count` equal parts."""
    distribution = NormalDist()
    return np.array([distribution.inv_cdf((i + 0.5) / count) for i in range(count)], np.float32)


@cache
def _quantized(format_name: str) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]:
    """Quantiles of codes and of scales. int4 codes have as many as make `QUANTILES` pairs; its scales have both signs,
    since the extreme value becomes -8 whatever its sign."""
    largest = LARGEST_CODE[format_name]
    # The largest of n magnitudes lies below x with the probability (2 F(x) - 1)^n.
    middles = (np.arange(QUANTILES) + 0.5) / QUANTILES
    extremes = np.array([NormalDist().inv_cdf((1 + p ** (1 / GROUP_SIZE)) / 2) for p in middles])
    count = QUANTILES if format_name == "int8" else round(QUANTILES**0.5)
    codes = np.clip(np.rint(_normal(count) * largest / np.sqrt(np.mean(extremes**2))), -largest, largest)
    if format_name == "int4":
        codes = np.minimum(codes, 7)
        extremes[::2] *= -1
    scales = extremes * SPREAD / np.sqrt(np.mean(extremes**2) * np.mean(codes**2))
    return codes.astype(np.int8), scales.astype(np.float16)


def _blank_padding(part: Part, tensors: Mapping[str, Array]) -> None:
    """Makes the channels that fill the last panel zero."""
    first = part.n % PANEL
    if part.format not in QUANTIZED:
        tensors[part.name + ".codes"][-1, :, first:] = 0
        return
    zero = OFFSET[part.format] * (17 if part.format == "int4" else 1)  # in both halves of a byte
    tensors[part.name + ".codes"][-1, :, first:] = zero
    tensors[part.name + ".scales"][-1, :, first:] = 0
