"""How much a rounded matrix changes what it computes."""

from __future__ import annotations

import numpy as np

from sampan.checkpoint.dtypes import Float32Array


def output_error(x: Float32Array, weight: Float32Array, served_x: Float32Array, served: Float32Array) -> float:
    """How far the outputs of a matrix move, beside their size: root mean square, over tokens, of |change| / |output|.

    Each token counts alike. Beside the first token of a text, whose activations are a thousand times the others' in R1
    distills, all others would vanish.

    Args:
        x: inputs [tokens, k] before the kernel rounds them.
        weight: [n, k].
        served_x, served: both as the kernel multiplies them.
    """
    return relative_change(x @ weight.T, served_x @ served.T)


def relative_change(before: Float32Array, after: Float32Array) -> float:
    """The root mean square, over tokens, of |after - before| / |before|; both [tokens, n]."""
    sizes = np.square(before, dtype=np.float64).sum(axis=-1)
    changes = np.square(after - before, dtype=np.float64).sum(axis=-1)
    known = sizes > 0
    return float(np.sqrt(np.mean(changes[known] / sizes[known]))) if known.any() else 0.0
