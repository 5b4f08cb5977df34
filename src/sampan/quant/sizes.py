"""How much memory a model takes, from its shapes alone and to the byte: weights as they are packed, keys and values as
they are kept."""

from __future__ import annotations

from collections.abc import Mapping

from sampan.config import ModelConfig
from sampan.errors import CheckpointError
from sampan.quant.layout import PRECISIONS, choose_formats, data_size, lay_out, parts_of

KV_ELEMENT_BYTES = {"int8": 1, "fp16": 2, "bf16": 2, "fp32": 4}
KV_SCALE_BYTES = 4  # of each token and head, in int8


def packed_bytes(config: ModelConfig, formats: Mapping[str, str]) -> int:
    """Bytes of all weights, each matrix in its format.

    Raises:
        CheckpointError: a matrix cannot be packed in its format.
    """
    return data_size(lay_out(parts_of(config, formats)))


def weight_bytes(config: ModelConfig, precision: str) -> int:
    """Bytes of all weights at a precision. Raises as `packed_bytes`, and ConfigError for an unknown precision."""
    return packed_bytes(config, choose_formats(config, precision))


def weight_sizes(config: ModelConfig) -> dict[str, int]:
    """Precision -> bytes of all weights, for those that the model can be packed in."""
    sizes = {}
    for precision in PRECISIONS:
        try:
            sizes[precision] = weight_bytes(config, precision)
        except CheckpointError:  # rows that are no whole groups
            continue
    return sizes


def default_kv_format(precision: str) -> str:
    """The format of keys and values where nobody asks for one. Keys of Qwen2 have biases of a hundred and more: with
    bf16's 8 bits of precision, what they add to would be lost (ADR 0009)."""
    return "fp32" if precision == "fp32" else "fp16"


def kv_cache_bytes(config: ModelConfig, num_tokens: int, format: str = "fp16") -> int:
    """Bytes of the keys and values of `num_tokens` tokens."""
    vector = config.head_dim * KV_ELEMENT_BYTES[format] + (KV_SCALE_BYTES if format == "int8" else 0)
    return 2 * config.num_hidden_layers * config.num_key_value_heads * vector * num_tokens
