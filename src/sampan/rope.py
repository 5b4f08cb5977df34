"""The frequencies of rotary position embedding (RoFormer, arXiv:2104.09864), with Llama 3's scaling: plain numbers
that every backend starts from."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sampan.config import ModelConfig, RopeScaling


def inverse_frequencies(config: ModelConfig) -> npt.NDArray[np.float32]:
    """Radians per position of each rotated pair: [head_dim / 2]."""
    exponents = np.arange(0, config.head_dim, 2, dtype=np.float32) / np.float32(config.head_dim)
    frequencies = (1.0 / np.power(np.float32(config.rope_theta), exponents)).astype(np.float32)
    return frequencies if config.rope_scaling is None else _llama3_scaled(frequencies, config.rope_scaling)


def _llama3_scaled(frequencies: npt.NDArray[np.float32], scaling: RopeScaling) -> npt.NDArray[np.float32]:
    """Slows the pairs whose wavelength exceeds the original context, leaves the fast ones, blends in between."""
    wavelengths = 2.0 * math.pi / frequencies
    turns = scaling.original_max_position_embeddings / wavelengths  # within the original context
    blend = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    blend = np.clip(blend, 0.0, 1.0)  # 0: fully scaled, 1: untouched
    return ((1.0 - blend) * frequencies / scaling.factor + blend * frequencies).astype(np.float32)
