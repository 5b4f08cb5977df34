"""Qwen2 and Llama once more, in plain float64 numpy: the second opinion on every decoder.

Written from the papers (arXiv:2302.13971, arXiv:2407.10671, arXiv:2104.09864) and the Llama 3.1 model card, in other
forms than `sampan.models`: rotation by complex numbers, loops over heads and tokens, the scaling as a case distinction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sampan.config import ModelConfig

Array = npt.NDArray[np.float64]


def decoder_logits(
    config: ModelConfig, tensors: Mapping[str, npt.NDArray[np.generic]], token_ids: Sequence[int]
) -> Array:
    """Logits [tokens, vocab_size] of one prompt. `tensors` have Hugging Face's names."""
    weights = {name: np.asarray(tensor, np.float64) for name, tensor in tensors.items()}
    x = weights["model.embed_tokens.weight"][list(token_ids)]
    for layer in range(config.num_hidden_layers):
        w = {name.removeprefix(f"model.layers.{layer}."): tensor for name, tensor in weights.items()}
        x = x + attention(config, w, rms_norm(x, w["input_layernorm.weight"], config.rms_norm_eps))
        h = rms_norm(x, w["post_attention_layernorm.weight"], config.rms_norm_eps)
        gate = h @ w["mlp.gate_proj.weight"].T
        x = x + (gate / (1.0 + np.exp(-gate)) * (h @ w["mlp.up_proj.weight"].T)) @ w["mlp.down_proj.weight"].T
    x = rms_norm(x, weights["model.norm.weight"], config.rms_norm_eps)
    return x @ weights["model.embed_tokens.weight" if config.tie_word_embeddings else "lm_head.weight"].T


def rms_norm(x: Array, weight: Array, eps: float) -> Array:
    return weight * x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps)


def attention(config: ModelConfig, w: Mapping[str, Array], x: Array) -> Array:
    def heads(name: str, count: int) -> Array:
        y = x @ w[f"self_attn.{name}.weight"].T
        if config.attention_bias:
            y = y + w[f"self_attn.{name}.bias"]
        return y.reshape(len(x), count, config.head_dim)

    q = rotated(config, heads("q_proj", config.num_attention_heads))
    k = rotated(config, heads("k_proj", config.num_key_value_heads))
    v = heads("v_proj", config.num_key_value_heads)
    out = np.empty_like(q)
    for head in range(config.num_attention_heads):
        shared = head * config.num_key_value_heads // config.num_attention_heads
        for t in range(len(x)):
            scores = k[: t + 1, shared] @ q[t, head] / math.sqrt(config.head_dim)
            probabilities = np.exp(scores - scores.max())
            out[t, head] = probabilities / probabilities.sum() @ v[: t + 1, shared]
    return out.reshape(len(x), -1) @ w["self_attn.o_proj.weight"].T


def rotated(config: ModelConfig, x: Array) -> Array:
    """Turns each pair (x[i], x[i + head_dim / 2]), read as a complex number, by position times frequency."""
    half = config.head_dim // 2
    frequencies = np.array([frequency(config, pair) for pair in range(half)])
    turns = np.exp(1j * np.outer(np.arange(len(x)), frequencies))[:, None, :]
    z = (x[..., :half] + 1j * x[..., half:]) * turns
    return np.concatenate([z.real, z.imag], axis=-1)


def frequency(config: ModelConfig, pair: int) -> float:
    """Radians per position."""
    f = config.rope_theta ** (-2.0 * pair / config.head_dim)
    scaling = config.rope_scaling
    if scaling is None:
        return f
    wavelength, context = 2.0 * math.pi / f, scaling.original_max_position_embeddings
    if wavelength < context / scaling.high_freq_factor:
        return f
    if wavelength > context / scaling.low_freq_factor:
        return f / scaling.factor
    smooth = (context / wavelength - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    return (1.0 - smooth) * f / scaling.factor + smooth * f
