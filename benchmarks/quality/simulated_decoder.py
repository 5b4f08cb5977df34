"""Qwen2 and Llama in numpy, with every number format as a parameter: what a quantised engine computes, without the
engine.

Rounding happens where an engine rounds (stored weights, inputs of the linear layers, the KV cache) and the arithmetic
between is float32, or float64 for the reference. So a format can be judged before a kernel for it exists, and the
share of each of its parts can be measured alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sampan.config import ModelConfig

Array = npt.NDArray[np.floating]
Rounding = Callable[[Array], Array]
EMBEDDING, OUTPUT = "model.embed_tokens.weight", "lm_head.weight"


def exact(x: Array) -> Array:
    """No rounding."""
    return x


@dataclass(frozen=True)
class Numerics:
    """What an engine rounds, and how.

    Args:
        weight: (tensor name, weight [out, in]) -> the weight that is computed with; sees the embedding under its own
            name, and the output matrix as `lm_head.weight` also where the two are tied.
        activation: (tensor name, inputs [tokens, in]) -> the inputs that the product with that weight sees.
        keys, values: rows [tokens, kv_heads, head_dim] on their way into the cache, keys after their rotation.
        queries: rows [tokens, heads, head_dim], rotated and scaled.
        probabilities: of the attention, not yet divided by their sum.
        dtype: of the arithmetic.
    """

    weight: Callable[[str, Array], Array] = lambda _, w: w
    activation: Callable[[str, Array], Array] = lambda _, x: x
    keys: Rounding = exact
    values: Rounding = exact
    queries: Rounding = exact
    probabilities: Rounding = exact
    dtype: type[np.floating] = np.float32


REFERENCE = Numerics(dtype=np.float64)


class SimulatedDecoder:
    """Args:
    tensors: float arrays under Hugging Face's names.
    """

    def __init__(self, config: ModelConfig, tensors: Mapping[str, Array], numerics: Numerics) -> None:
        self.config, self.numerics = config, numerics
        tensors = dict(tensors)
        if config.tie_word_embeddings:
            tensors[OUTPUT] = tensors[EMBEDDING]
        self.tensors = {
            name: (numerics.weight(name, tensor) if tensor.ndim == 2 else tensor).astype(numerics.dtype, copy=False)
            for name, tensor in tensors.items()
        }

    def logits(self, token_ids: Sequence[int]) -> Array:
        """Logits [tokens, vocab_size] of one prompt."""
        x = self.tensors[EMBEDDING][list(token_ids)]
        for layer in range(self.config.num_hidden_layers):
            x = self.block(layer, x)
        return self.linear("lm_head", self.rms_norm("model.norm.weight", x))

    def block(self, layer: int, x: Array) -> Array:
        """One layer: [tokens, hidden_size] -> [tokens, hidden_size]."""
        prefix = f"model.layers.{layer}."
        x = x + self.attention(prefix + "self_attn.", self.rms_norm(prefix + "input_layernorm.weight", x))
        return x + self.mlp(prefix + "mlp.", self.rms_norm(prefix + "post_attention_layernorm.weight", x))

    def mlp(self, prefix: str, x: Array) -> Array:
        gate = self.linear(prefix + "gate_proj", x)
        return self.linear(prefix + "down_proj", gate / (1 + np.exp(-gate)) * self.linear(prefix + "up_proj", x))

    def attention(self, prefix: str, x: Array) -> Array:
        config, numerics = self.config, self.numerics
        q = rotate(config, self.linear(prefix + "q_proj", x).reshape(len(x), -1, config.head_dim))
        q = numerics.queries(q * config.head_dim**-0.5)
        k = rotate(config, self.linear(prefix + "k_proj", x).reshape(len(x), -1, config.head_dim))
        v = self.linear(prefix + "v_proj", x).reshape(len(x), -1, config.head_dim)
        k, v = (np.repeat(y, config.num_query_groups, axis=1) for y in (numerics.keys(k), numerics.values(v)))
        scores = q.transpose(1, 0, 2) @ k.transpose(1, 2, 0)
        scores = np.where(np.tri(len(x), dtype=bool), scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = numerics.probabilities(weights) @ v.transpose(1, 0, 2) / weights.sum(axis=-1, keepdims=True)
        return self.linear(prefix + "o_proj", mixed.transpose(1, 0, 2).reshape(len(x), -1))

    def linear(self, name: str, x: Array) -> Array:
        y = self.numerics.activation(f"{name}.weight", x) @ self.tensors[f"{name}.weight"].T
        bias = self.tensors.get(f"{name}.bias")
        return y if bias is None else y + bias

    def rms_norm(self, name: str, x: Array) -> Array:
        mean_square = np.square(x).mean(axis=-1, keepdims=True)
        return x / np.sqrt(mean_square + self.config.rms_norm_eps) * self.tensors[name]


def simulate(
    config: ModelConfig, tensors: Mapping[str, Array], numerics: Numerics, texts: Sequence[Sequence[int]]
) -> list[Array]:
    """Logits [tokens, vocab_size] of each text."""
    decoder = SimulatedDecoder(config, tensors, numerics)
    return [decoder.logits(text) for text in texts]


def rotate(config: ModelConfig, x: Array) -> Array:
    """Rotary embedding of [tokens, heads, head_dim] at positions 0, 1, 2 ..., in Hugging Face's half-split layout."""
    if config.rope_scaling is not None:
        raise NotImplementedError("scaled rotary embeddings are not simulated")
    half = config.head_dim // 2
    frequencies = np.exp(np.arange(half) * (-math.log(config.rope_theta) / half))
    angles = np.outer(np.arange(len(x)), frequencies)[:, None, :]
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
