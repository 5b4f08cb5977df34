"""Weights as compressed-tensors stores them: int8 as they are, int4 and int8 packed into words.

A layer `L` of [n, k] has

===========================  ===================================================================================
`L.weight`                   int8 [n, k] (format `int-quantized`)
`L.weight_packed`            int32 [n, ceil(k * bits / 32)]: codes plus half their range (`pack-quantized`)
`L.weight_shape`             [n, k], beside packed ones
`L.weight_scale`             [n, k / group_size]; [n, 1] for channels; one value for a whole tensor
`L.weight_zero_point`        int8 like the scales, or packed along n as the codes are; asymmetric ones only
`L.weight_g_idx`             the group of each column (act-order); -1 throughout where it was not used
===========================  ===================================================================================

A layer shows by its tensors how it is stored, and `config_groups` must know such a scheme. Which layers are meant to be
quantised (`targets`, `ignore`) is so read from the layers, and no pattern of a stranger is ever run.

Source: compressed-tensors, `compressors/` and `quantization/quant_args.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sampan.checkpoint.base import TensorFile
from sampan.checkpoint.dtypes import to_float32
from sampan.checkpoint.quantized.config import QuantizationConfig
from sampan.checkpoint.quantized.matrix import FloatRows, IntArray, QuantizedMatrix, Rows, unpacked, widened_scales
from sampan.checkpoint.quantized.stored_layer import INTEGERS, StoredLayer, stored_layers
from sampan.checkpoint.quantized.words import PACKED_BITS, WORD_BITS, num_words, unpack_columns, unpack_rows

PACKED, PLAIN = "pack-quantized", "int-quantized"
FIELDS = (
    "config_groups", "format", "global_compression_ratio", "ignore", "kv_cache_scheme", "moe_sparsity_config",
    "quant_method", "quantization_status", "sparsity_config", "transform_config", "version",
)  # fmt: skip
GROUP_FIELDS = ("format", "input_activations", "output_activations", "targets", "weights")
ARGUMENTS = (
    "actorder", "block_structure", "dynamic", "group_size", "num_bits", "observer", "observer_kwargs", "scale_dtype",
    "strategy", "symmetric", "type", "zp_dtype",
)  # fmt: skip
MAX_GROUP_SIZE = 1 << 20
ZERO_POINT = "weight_zero_point"
PLAIN_SUFFIXES = ("weight", "weight_scale", ZERO_POINT, "weight_g_idx")
PACKED_SUFFIXES = ("weight_packed", "weight_shape", *PLAIN_SUFFIXES[1:])


@dataclass(frozen=True, slots=True)
class Scheme:
    """How the layers of a config group are stored. `group_size` counts for the strategy `group` only."""

    format: str
    bits: int
    symmetric: bool
    strategy: str
    group_size: int

    def describes(self, matrix: QuantizedMatrix, format: str, symmetric: bool, num_scales: int) -> bool:
        n, k = matrix.shape
        size = self.group_size if self.strategy == "group" else k
        return (self.format, self.bits, self.symmetric, size, 1 if self.strategy == "tensor" else n * k // size) == (
            format, matrix.bits, symmetric, matrix.group_size, num_scales,
        )  # fmt: skip


def read_compressed_tensors(
    config: QuantizationConfig, tensors: Mapping[str, TensorFile]
) -> list[tuple[StoredLayer, QuantizedMatrix]]:
    """All quantised layers.

    Raises:
        ConfigError: the configuration says what is not read.
        CheckpointError: a layer contradicts itself or the configuration.
    """
    schemes = _read_schemes(config)
    packed = [
        _checked(layer, read_packed(layer), PACKED, schemes)
        for layer in stored_layers(tensors, "weight_packed", PACKED_SUFFIXES)
    ]
    plain = [
        _checked(layer, _read_plain(layer), PLAIN, schemes)
        for layer in stored_layers(tensors, "weight", PLAIN_SUFFIXES)
        if "weight_scale" in layer.parts and f"{layer.name}.weight_packed" not in tensors
    ]
    return packed + plain


# ---- what the configuration says


def _read_schemes(config: QuantizationConfig) -> list[Scheme]:
    config.only(FIELDS)
    config.value("quantization_status", ("compressed", "frozen"), "compressed")
    format = config.value("format", (PACKED, PLAIN, "mixed-precision"))
    config.empty("kv_cache_scheme", "moe_sparsity_config", "transform_config")
    sparsity = config.data.get("sparsity_config") or {}
    if sparsity:
        config.part("sparsity_config").value("format", ("dense",), "dense")
    groups = config.part("config_groups")
    return [_read_scheme(groups.part(name), format) for name in groups.data]


def _read_scheme(group: QuantizationConfig, format: str) -> Scheme:
    group.only(GROUP_FIELDS)
    group.empty("output_activations")
    if group.data.get("input_activations") is not None:
        # Sampan quantises activations itself, each group of a token by its own range: finer than what is asked for.
        activations = group.part("input_activations")
        activations.only(ARGUMENTS)
        activations.value("type", ("int",), "int")
        activations.value("num_bits", (8,), 8)
        activations.value("dynamic", (True,))
    weights = group.part("weights")
    weights.only(ARGUMENTS)
    weights.value("type", ("int",), "int")
    weights.value("dynamic", (False,), False)
    weights.empty("block_structure")
    size = weights.data.get("group_size")
    strategy = "tensor" if size is None else "channel" if size == -1 else "group"
    strategy = weights.value("strategy", ("tensor", "channel", "group"), strategy)
    if strategy != "group":
        size = 0
    elif type(size) is not int or not 1 <= size <= MAX_GROUP_SIZE:
        weights.refuse(f"group_size={size!r} is not read")
    return Scheme(
        format=group.value("format", (PACKED, PLAIN), format),
        bits=weights.value("num_bits", PACKED_BITS, 8),
        symmetric=weights.value("symmetric", (True, False), True),
        strategy=strategy,
        group_size=int(size),
    )


# ---- what a layer is


def read_packed(layer: StoredLayer) -> QuantizedMatrix:
    """A layer in the format `pack-quantized`.

    Raises:
        CheckpointError: it contradicts itself.
    """
    words = layer.part("weight_packed", ("int32",), (None, None))
    n, k = (int(size) for size in layer.part("weight_shape", INTEGERS, (2,)).data)
    known = [bits for bits in PACKED_BITS if (n, num_words(k, bits)) == words.shape] if n > 0 and k > 0 else []
    if not known:
        raise layer.fault(f"has weight_packed of {list(words.shape)} and weight_shape of {[n, k]}")
    bits = known[0]

    def codes(begin: int, end: int) -> IntArray:
        return unpacked(lambda stored: unpack_rows(stored, bits)[:, :k], words.rows(begin, end))

    return _matrix(layer, (n, k), bits, codes, 1 << bits - 1)


def _read_plain(layer: StoredLayer) -> QuantizedMatrix:
    codes = layer.part("weight", ("int8",), (None, None))
    return _matrix(layer, (codes.shape[0], codes.shape[1]), 8, codes.rows, 0)


def _matrix(layer: StoredLayer, shape: tuple[int, int], bits: int, codes: Rows, middle: int) -> QuantizedMatrix:
    """`middle` is what stands for 0 in the codes."""
    n, k = shape
    scales, num_groups = _scales(layer, n, k)
    zeros = _zero_points(layer, n, num_groups, bits, middle) if ZERO_POINT in layer.parts else middle
    groups = _groups(layer, k, k // num_groups)
    return QuantizedMatrix(shape, bits, k // num_groups, codes, scales, zeros, layer.file, groups)


def _scales(layer: StoredLayer, n: int, k: int) -> tuple[FloatRows, int]:
    """Float32 rows of scales, and how many groups a row has."""
    scales = layer.parts.get("weight_scale")
    if scales is not None and scales.shape in ((), (1,)):
        one = to_float32(layer.scales("weight_scale", scales.shape).data, scales.dtype).reshape(1, 1)
        return lambda begin, end: np.broadcast_to(one, (end - begin, 1)), 1
    if scales is not None and len(scales.shape) == 1:  # a channel's scale without its second axis
        channels = layer.scales("weight_scale", (n,))
        return lambda begin, end: widened_scales(channels.rows(begin, end), channels.dtype)[:, None], 1
    stored = layer.scales("weight_scale", (n, None))
    if k % stored.shape[1]:
        raise layer.fault(f"has rows of {k} values in {stored.shape[1]} groups")
    return lambda begin, end: widened_scales(stored.rows(begin, end), stored.dtype), stored.shape[1]


def _zero_points(layer: StoredLayer, n: int, num_groups: int, bits: int, offset: int) -> Rows:
    """Rows of zero points, in the range of the codes: those are stored with `offset` added."""
    stored = layer.parts[ZERO_POINT]
    if stored.dtype == "int8":
        plain = layer.part(ZERO_POINT, ("int8",), layer.parts["weight_scale"].shape)
        return lambda begin, end: _in_range(layer, plain.rows(begin, end).reshape(end - begin, -1), bits) + offset
    words = layer.part(ZERO_POINT, ("int32",), (num_words(n, bits), num_groups))
    per_word = WORD_BITS // bits

    def rows(begin: int, end: int) -> IntArray:
        first, last = begin // per_word, -(-end // per_word)
        return unpack_columns(words.rows(first, last), bits).T[begin - first * per_word :][: end - begin]

    return rows


def _in_range(layer: StoredLayer, zero_points: IntArray, bits: int) -> IntArray:
    if zero_points.size and not -(1 << bits - 1) <= zero_points.min() <= zero_points.max() < 1 << bits - 1:
        raise layer.fault(f"has zero points beyond {bits} bits")
    return zero_points.astype(np.int16)


def _groups(layer: StoredLayer, k: int, group_size: int) -> npt.NDArray[np.int32] | None:
    """Of each column; -1 stands for columns that were left in their order."""
    if "weight_g_idx" in layer.parts and (layer.part("weight_g_idx", INTEGERS, (k,)).data == -1).all():
        return None
    return layer.groups("weight_g_idx", k, group_size)


def _checked(
    layer: StoredLayer, matrix: QuantizedMatrix, format: str, schemes: Sequence[Scheme]
) -> tuple[StoredLayer, QuantizedMatrix]:
    symmetric = ZERO_POINT not in layer.parts
    num_scales = math.prod(layer.parts["weight_scale"].shape)
    if not any(scheme.describes(matrix, format, symmetric, num_scales) for scheme in schemes):
        kind = f"{format}, {'' if symmetric else 'a'}symmetric, of {matrix.bits} bits in groups of {matrix.group_size}"
        raise layer.fault(f"is {kind}, and no config group says so")
    return layer, matrix
