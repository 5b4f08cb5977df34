"""How much memory a model takes, from its shapes alone. Estimates: a few per cent off what a packed store weighs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sampan.config import ModelConfig
from sampan.errors import UsageError

# Bits per weight; integer formats carry an fp16 scale for each group of 32 weights.
BITS = {"int4": 4 + 16 / 32, "int8": 8 + 16 / 32, "bf16": 16.0, "fp16": 16.0, "fp32": 32.0}
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


def weight_bytes(config: ModelConfig, precision: str) -> int:
    """Bytes of all weights at a precision of `BITS`. The integer ones keep the embedding in bf16, and int4 keeps
    attention and output in int8 (ADR 0009)."""
    if precision not in ("int8", "int4"):
        return int(config.num_parameters * BITS[precision] / 8)
    matrix = config.vocab_size * config.hidden_size
    heads = config.num_attention_heads + config.num_key_value_heads
    attention = config.num_hidden_layers * 2 * config.hidden_size * heads * config.head_dim
    inner = config.num_parameters - attention - matrix * (1 if config.tie_word_embeddings else 2)
    return int((matrix * BITS["bf16"] + (matrix + attention) * BITS["int8"] + inner * BITS[precision]) / 8)


def kv_cache_bytes(config: ModelConfig, num_tokens: int) -> int:
    """Bytes of bf16 keys and values of `num_tokens` tokens."""
    return 2 * 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * num_tokens


def read_bytes(text: str, what: str) -> int:
    """`6GB`, `6.5 GiB` or a plain number of bytes.

    Raises:
        UsageError: it is no size; `what` is what the user calls it.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*((?:[KMGT]I?)?)B?\s*", text.upper())
    if match is None or float(match[1]) == 0:
        raise UsageError(f"{what} {text!r} is not a size", remedy="write it as 6GB, 6.5GiB or 6000000000")
    return int(float(match[1]) * UNITS[match[2]])


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
