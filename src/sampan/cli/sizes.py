"""How much memory a model takes, from its shapes alone. Estimates: a few per cent off what a packed store weighs."""

from __future__ import annotations

from sampan.config import ModelConfig

# Bits per weight of a matrix. Integer formats carry a float32 scale for each group of 128 weights.
BITS = {"int4": 4 + 32 / 128, "int8": 8 + 32 / 128, "bf16": 16.0, "fp32": 32.0}


def count_parameters(config: ModelConfig) -> int:
    """All weights, biases and norms; a tied output matrix counts once."""
    return _matrix_parameters(config) + _vector_parameters(config)


def weight_bytes(config: ModelConfig, precision: str) -> int:
    """Bytes of the weights at a precision of `BITS`; norms and biases stay float32."""
    return int(_matrix_parameters(config) * BITS[precision] / 8) + 4 * _vector_parameters(config)


def kv_cache_bytes(config: ModelConfig, num_tokens: int) -> int:
    """Bytes of bf16 keys and values of `num_tokens` tokens."""
    return 2 * 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * num_tokens


def _matrix_parameters(config: ModelConfig) -> int:
    queries = config.num_attention_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim
    attention = config.hidden_size * (2 * queries + 2 * keys)  # q, o and k, v
    feed_forward = 3 * config.hidden_size * config.intermediate_size
    embeddings = config.vocab_size * config.hidden_size * (1 if config.tie_word_embeddings else 2)
    return config.num_hidden_layers * (attention + feed_forward) + embeddings


def _vector_parameters(config: ModelConfig) -> int:
    norms = (2 * config.num_hidden_layers + 1) * config.hidden_size
    heads = config.num_attention_heads + 2 * config.num_key_value_heads
    biases = config.num_hidden_layers * heads * config.head_dim if config.attention_bias else 0
    return norms + biases


def human_bytes(count: float) -> str:
    """`1.8 GB`; decimal units, as disks and downloads are sold."""
    return _human(count, (" B", " kB", " MB", " GB"), " TB")


def human_count(count: float) -> str:
    """`1.8B`, `671M`, as model names have it."""
    return _human(count, ("", "K", "M"), "B")


def _human(count: float, units: tuple[str, ...], largest: str) -> str:
    for unit in units:
        if count < 999.5:
            return f"{count:.0f}{unit}" if count >= 9.95 or count == int(count) else f"{count:.1f}{unit}"
        count /= 1000
    return f"{count:.0f}{largest}" if count >= 9.95 else f"{count:.1f}{largest}"
