"""How much memory a model takes, from its shapes alone. Estimates: a few per cent off what a packed store weighs."""

from __future__ import annotations

from collections.abc import Sequence

from sampan.config import ModelConfig

# Bits per weight. Integer formats carry a float32 scale for each group of 128 weights.
BITS = {"int4": 4 + 32 / 128, "int8": 8 + 32 / 128, "bf16": 16.0, "fp32": 32.0}


def weight_bytes(config: ModelConfig, precision: str) -> int:
    """Bytes of all weights at a precision of `BITS`."""
    return int(config.num_parameters * BITS[precision] / 8)


def kv_cache_bytes(config: ModelConfig, num_tokens: int) -> int:
    """Bytes of bf16 keys and values of `num_tokens` tokens."""
    return 2 * 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * num_tokens


def human_bytes(count: float) -> str:
    """`1.8 GB`; decimal units, as disks and downloads are sold."""
    return _human(count, (" B", " kB", " MB", " GB", " TB"))


def human_count(count: float) -> str:
    """`1.8B`, as model names have it."""
    return _human(count, ("", "K", "M", "B", "T"))


def _human(count: float, units: Sequence[str]) -> str:
    exponent = 0
    while count >= 999.95 and exponent < len(units) - 1:
        count, exponent = count / 1000, exponent + 1
    return f"{count:.{1 if exponent else 0}f}{units[exponent]}"
