"""Which matrices to keep wider, where only so many bits may be spent.

Each matrix alone is rounded in each format, in an otherwise exact model, and what that adds to the hidden states
behind its layer is measured. That can be compared between matrices of all kinds and layers; the error of a matrix's own
outputs cannot, for not all outputs count alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from sampan.checkpoint import Checkpoint
from sampan.checkpoint.dtypes import Float32Array
from sampan.checkpoint.shapes import expected_tensors
from sampan.config import ModelConfig
from sampan.ptq.errors import relative_change
from sampan.ptq.hidden_states import HiddenStates, MicroBatch
from sampan.ptq.layer import Layer
from sampan.ptq.recipe import BITS, FORMATS, MATRICES
from sampan.quant.codes import quantize_matrix

NUM_BATCHES = 2  # micro-batches that are measured on

Damage = Mapping[str, Mapping[str, float]]  # matrix -> format -> what it adds, squared


def measure(
    checkpoint: Checkpoint,
    states: HiddenStates,
    dtype: str,
    formats: Mapping[str, str],
    report: Callable[[int, int], None],
) -> Damage:
    """Measures all matrices.

    Args:
        states: before layer 0; a few batches of them are used.
        formats: what each matrix has now; only these and wider formats are measured.
        report: is told how many layers are done, and of how many.
    """
    layer = Layer(checkpoint.config, dtype)
    current = [(batch, x) for batch, x in states if batch in states.batches[:NUM_BATCHES]]
    damage: dict[str, dict[str, float]] = {}
    for index in range(checkpoint.config.num_hidden_layers):
        layer.load(checkpoint, index)
        exact = _outputs(layer, current)
        for matrix, projections in MATRICES.items():
            name = f"layers.{index}.{matrix}"
            weights = {projection: layer.weight(projection) for projection in projections}
            damage[name] = {"bf16": 0.0}
            for format in FORMATS[FORMATS.index(formats[name]) : FORMATS.index("bf16")]:
                for projection, weight in weights.items():
                    served = quantize_matrix(weight, format, f"model.{name}").values()
                    layer.set_weight(projection, served, rounds_inputs=True)
                damage[name][format] = relative_change(exact, _outputs(layer, current)) ** 2
            for projection, weight in weights.items():
                layer.set_weight(projection, weight)
        current = [(batch, exact[batch.begin : batch.end]) for batch, _ in current]
        report(index + 1, checkpoint.config.num_hidden_layers)
    return damage


def spend(damage: Damage, formats: Mapping[str, str], config: ModelConfig, max_bits: float) -> dict[str, str]:
    """Makes matrices wider as long as bits are left: again and again the one that gains most for each bit.

    Returns:
        The format of each matrix.
    """
    chosen, sizes = dict(formats), matrix_sizes(config)
    left = (max_bits - mean_bits(chosen, config)) * sum(sizes.values())

    def offers() -> list[tuple[float, float, str, str]]:
        found = []
        for name, format in chosen.items():
            for other in FORMATS[FORMATS.index(format) + 1 :]:
                cost = (BITS[other] - BITS[format]) * sizes[name]
                gain = damage[name][format] - damage[name][other]
                if cost <= left and gain > 0:
                    found.append((gain / cost, cost, name, other))
        return found

    while best := max(offers(), default=None):
        _, cost, name, format = best
        chosen[name], left = format, left - cost
    return chosen


def matrix_sizes(config: ModelConfig) -> dict[str, int]:
    """Weights of each matrix."""
    shapes = expected_tensors(config)
    return {
        f"layers.{layer}.{matrix}": sum(int(np.prod(shapes[f"model.layers.{layer}.{part}.weight"])) for part in parts)
        for layer in range(config.num_hidden_layers)
        for matrix, parts in MATRICES.items()
    }


def mean_bits(formats: Mapping[str, str], config: ModelConfig) -> float:
    """Of a weight of the layers, scales included."""
    sizes = matrix_sizes(config)
    return sum(BITS[format] * sizes[name] for name, format in formats.items()) / sum(sizes.values())


def _outputs(layer: Layer, states: list[tuple[MicroBatch, Float32Array]]) -> Float32Array:
    return np.concatenate([layer.after_mlp(layer.after_attention(batch, x)) for batch, x in states])
