"""Weights as AutoGPTQ, GPTQModel and AutoAWQ store them: packed words of the transposed matrix.

A layer `L` that maps k values to n has

=============  ==============================================  ==================================
tensor         GPTQ, 4 or 8 bits                               AWQ (`gemm`), 4 bits
=============  ==============================================  ==================================
`L.qweight`    int32 [k * bits / 32, n], packed along k        int32 [k, n / 8], packed along n
`L.qzeros`     int32 [k / group_size, n * bits / 32]           int32 [k / group_size, n / 8]
`L.scales`     [k / group_size, n]                             [k / group_size, n]
`L.g_idx`      the group of each of the k values (act-order)
=============  ==============================================  ==================================

GPTQ puts the first code into the lowest bits, AWQ has an order of its own (`words.py`). Files of GPTQ's first format
hold zero points less 1, subtracted from whole words: so it is added to whole words, as GPTQModel does.

Source: `gptqmodel/nn_modules/qlinear` and `utils/model.py` of GPTQModel, `awq/modules/linear/gemm.py` of AutoAWQ.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sampan.checkpoint.base import RawTensor, TensorFile
from sampan.checkpoint.dtypes import Float32Array
from sampan.checkpoint.quantized.config import QuantizationConfig
from sampan.checkpoint.quantized.matrix import FloatRows, IntArray, QuantizedMatrix, Rows, unpacked, widened_scales
from sampan.checkpoint.quantized.stored_layer import StoredLayer, stored_layers
from sampan.checkpoint.quantized.words import PACKED_BITS, WORD_BITS, unpack_awq, unpack_columns

# Fields that say how the weights were found, or how others compute with them.
ASIDE = (
    "act_group_aware", "backend", "batch_size", "block_name_to_quantize", "cache_block_outputs", "damp_auto_increment",
    "damp_percent", "dataset", "desc_act", "disable_exllama", "do_fuse", "exllama_config", "fuse_max_seq_len",
    "hyb_act", "lm_head", "max_input_length", "meta", "model_file_base_name", "model_name_or_path", "model_seqlen",
    "module_name_preceding_first_block", "modules_in_block_to_quantize", "modules_to_fuse", "modules_to_not_convert",
    "mse", "offload_to_disk", "pack_impl", "pad_token_id", "static_groups", "sym", "tokenizer", "true_sequential",
    "use_cuda_fp16", "use_exllama", "v2", "v2_alpha", "zero_point",
)  # fmt: skip
READ = (
    "adapter", "bits", "checkpoint_format", "dynamic", "format", "group_size", "is_marlin_format", "pack_dtype",
    "quant_method", "rotation", "version",
)  # fmt: skip
AWQ_SUFFIXES = ("qweight", "qzeros", "scales")
GPTQ_SUFFIXES = (*AWQ_SUFFIXES, "g_idx")
AWQ_COLUMNS = 8  # of n, in a word
GROUP_SIZES = (-1, 16, 32, 64, 128, 256, 512, 1024)

Kind = tuple[int, int]


def read_gptq(
    config: QuantizationConfig, tensors: Mapping[str, TensorFile]
) -> list[tuple[StoredLayer, QuantizedMatrix]]:
    """All quantised layers.

    Raises:
        ConfigError: the configuration says what is not read.
        CheckpointError: a layer contradicts itself or the configuration.
    """
    kinds = _read_kinds(config, PACKED_BITS)
    format = config.value("format", ("gptq", "gptq_v2"), "gptq")
    format = config.value("checkpoint_format", ("gptq", "gptq_v2"), format)
    return [
        (layer, _checked(layer, _gptq(layer, int(format == "gptq")), kinds))
        for layer in stored_layers(tensors, "qweight", GPTQ_SUFFIXES)
    ]


def read_awq(
    config: QuantizationConfig, tensors: Mapping[str, TensorFile]
) -> list[tuple[StoredLayer, QuantizedMatrix]]:
    """The same of AWQ. Its other layouts (`gemv`, `marlin`, `llm-awq`) are refused by name."""
    kinds = _read_kinds(config, (4,))
    for field in ("version", "format", "checkpoint_format"):
        config.value(field, ("gemm", "GEMM"), "gemm")  # older files shout
    config.value("backend", ("auto", "autoawq", "legacy_awq"), "auto")
    config.value("zero_point", (True,), True)
    return [(layer, _checked(layer, _awq(layer), kinds)) for layer in stored_layers(tensors, "qweight", AWQ_SUFFIXES)]


def _read_kinds(config: QuantizationConfig, known_bits: tuple[int, ...]) -> set[Kind]:
    """Bits and group sizes that layers may have; -1 stands for whole rows."""
    config.only((*ASIDE, *READ))
    config.empty("adapter", "rotation", "is_marlin_format")
    config.value("pack_dtype", ("int32",), "int32")
    bits, size = config.value("bits", known_bits, 4), config.value("group_size", GROUP_SIZES, 128)
    kinds = {(bits, size)}
    if config.data.get("dynamic"):  # what is different for layers of some names
        others = config.part("dynamic")
        for name in others.data:
            other = others.part(name)
            other.only(("bits", "group_size", *ASIDE))
            kinds.add((other.value("bits", known_bits, bits), other.value("group_size", GROUP_SIZES, size)))
    return kinds


def _gptq(layer: StoredLayer, zero_offset: int) -> QuantizedMatrix:
    scales = layer.scales("scales", (None, None))
    num_groups, n = scales.shape
    zeros = layer.part("qzeros", ("int32",), (num_groups, None))
    known = [bits for bits in PACKED_BITS if n * bits == zeros.shape[1] * WORD_BITS]
    if not known:
        raise layer.fault(f"has qzeros of {list(zeros.shape)} and scales of {list(scales.shape)}")
    bits = known[0]
    words = layer.part("qweight", ("int32",), (None, n))
    k = words.shape[0] * WORD_BITS // bits

    def codes(begin: int, end: int) -> IntArray:
        return unpacked(lambda stored: unpack_columns(stored, bits), words.data[:, begin:end])

    def zero_points(begin: int, end: int) -> IntArray:
        first, last = begin * bits // WORD_BITS, -(-end * bits // WORD_BITS)
        stored = np.ascontiguousarray(zeros.data[:, first:last]).view(np.uint32)
        stored = stored + np.uint32(zero_offset * sum(1 << at for at in range(0, WORD_BITS, bits)))
        unpacked = unpack_columns(stored.view(np.int32).T, bits)
        return unpacked.T[begin - first * WORD_BITS // bits :][: end - begin]

    return _matrix(layer, (n, k), bits, codes, zero_points, scales)


def _awq(layer: StoredLayer) -> QuantizedMatrix:
    scales = layer.scales("scales", (None, None))
    num_groups, n = scales.shape
    zeros = layer.part("qzeros", ("int32",), (num_groups, n // AWQ_COLUMNS))
    words = layer.part("qweight", ("int32",), (None, n // AWQ_COLUMNS))
    if n % AWQ_COLUMNS:
        raise layer.fault(f"has scales of {list(scales.shape)}")

    def rows_of(stored: RawTensor) -> Rows:
        def rows(begin: int, end: int) -> IntArray:
            first, last = begin // AWQ_COLUMNS, -(-end // AWQ_COLUMNS)
            return unpacked(unpack_awq, stored.data[:, first:last])[begin - first * AWQ_COLUMNS :][: end - begin]

        return rows

    return _matrix(layer, (n, words.shape[0]), 4, rows_of(words), rows_of(zeros), scales)


def _matrix(
    layer: StoredLayer, shape: tuple[int, int], bits: int, codes: Rows, zero_points: Rows, scales: RawTensor
) -> QuantizedMatrix:
    k, num_groups = shape[1], scales.shape[0]
    if k % num_groups:
        raise layer.fault(f"has rows of {k} values in {num_groups} groups")
    groups = layer.groups("g_idx", k, k // num_groups)
    return QuantizedMatrix(shape, bits, k // num_groups, codes, _columns(scales), zero_points, layer.file, groups)


def _columns(scales: RawTensor) -> FloatRows:
    def rows(begin: int, end: int) -> Float32Array:
        return np.ascontiguousarray(widened_scales(scales.data[:, begin:end], scales.dtype).T)

    return rows


def _checked(layer: StoredLayer, matrix: QuantizedMatrix, kinds: set[Kind]) -> QuantizedMatrix:
    size = matrix.group_size
    if not any(bits == matrix.bits and size == (matrix.shape[1] if each == -1 else each) for bits, each in kinds):
        raise layer.fault(f"has {matrix.bits} bits in groups of {size}, and quantization_config says otherwise")
    return matrix
