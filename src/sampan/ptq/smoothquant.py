"""SmoothQuant (Xiao et al., arXiv:2211.10438): where inputs have channels that are hard to round, weights take a part
of them over.

    (X / s) (W s)^T  =  X W^T          s_j = max|X_j|^alpha / max|W_j|^(1 - alpha)

The division costs nothing where it can be put into what comes before: into the weights of a norm, and, further than the
paper goes, into the rows of v_proj and up_proj, on which o_proj's and down_proj's inputs depend linearly. With grouped
queries a value head feeds several heads of o_proj, and they share its s.

Instead of one alpha for all, the best of several is taken for each place, by what the outputs of the rounded matrices
show; none of them where nothing gains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sampan.checkpoint.dtypes import Float32Array
from sampan.config import ModelConfig
from sampan.ptq.errors import relative_change
from sampan.ptq.hidden_states import HiddenStates
from sampan.ptq.layer import Layer
from sampan.ptq.layer_inputs import LayerInputs, collect
from sampan.ptq.recipe import MATRICES
from sampan.quant.codes import as_served, quantize_matrix

ALPHAS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
NO_ALPHA = 0.0
LEAST_GAIN = 0.01  # of the error: less is chance
LARGEST_FACTOR = 2.0**10  # the scales of rounded weights have the range of fp16


@dataclass(frozen=True, slots=True)
class Place:
    """Where inputs can be divided.

    Args:
        matrix: of `MATRICES`, the one whose inputs become smoother.
        norm: the norm that takes the division over, or "".
        projection: the projection whose rows do, or "".
    """

    matrix: str
    norm: str = ""
    projection: str = ""


# The values first: their rows are changed before they are smoothed as columns of qkv_proj.
PLACES = (
    Place("o_proj", projection="self_attn.v_proj"),
    Place("qkv_proj", norm="input_layernorm.weight"),
    Place("down_proj", projection="mlp.up_proj"),
    Place("gate_up_proj", norm="post_attention_layernorm.weight"),
)


def smooth(layer: Layer, config: ModelConfig, states: HiddenStates, formats: dict[str, str]) -> dict[str, float]:
    """Smooths a layer, whose outputs stay the same.

    Args:
        states: before the layer.
        formats: matrix -> the format that it will have; inputs of those that stay float are left alone.

    Returns:
        The alpha that was taken for each matrix, 0 for none.
    """
    alphas: dict[str, float] = {}
    attention = collect(layer, states, ("qkv_proj", "o_proj"))
    mlp = _mlp_inputs(layer, states)
    for place in PLACES:
        if formats[place.matrix] == "bf16":
            continue
        inputs = (attention | mlp)[place.matrix]
        alphas[place.matrix] = _smooth_place(layer, config, place, inputs, formats[place.matrix])
    return alphas


def _mlp_inputs(layer: Layer, states: HiddenStates) -> dict[str, LayerInputs]:
    found = {matrix: LayerInputs(states.num_tokens) for matrix in ("gate_up_proj", "down_proj")}
    for batch, x in states:
        x = layer.after_attention(batch, x)
        for matrix, inputs in found.items():
            inputs.add(layer.input_of(matrix, batch, x))
    return found


def _smooth_place(layer: Layer, config: ModelConfig, place: Place, inputs: LayerInputs, format: str) -> float:
    weights = [layer.weight(name) for name in MATRICES[place.matrix]]
    shared = config.num_query_groups if place.matrix == "o_proj" else 1
    size = config.head_dim if place.matrix == "o_proj" else 1
    largest_weight = np.max([np.abs(weight).max(axis=0) for weight in weights], axis=0)
    largest_x, largest_weight = (_over_heads(part, shared, size) for part in (inputs.largest, largest_weight))

    sample = inputs.sample
    exact = [sample @ weight.T for weight in weights]
    best, chosen, factors = _error(sample, weights, exact, format) * (1 - LEAST_GAIN), NO_ALPHA, None
    for alpha in ALPHAS:
        candidate = _factors(largest_x, largest_weight, alpha)
        columns = _to_heads(candidate, shared, size)
        error = _error(sample / columns, [weight * columns for weight in weights], exact, format)
        if error < best:
            best, chosen, factors = error, alpha, candidate
    if factors is not None:
        factors = _divide(layer, place, factors)
        columns = _to_heads(factors, shared, size)
        for name, weight in zip(MATRICES[place.matrix], weights, strict=True):
            layer.set_weight(name, weight * columns)
    return chosen


def _factors(largest_x: Float32Array, largest_weight: Float32Array, alpha: float) -> Float32Array:
    """s; 1 for a channel that is always 0, on either side."""
    used = (largest_x > 0) & (largest_weight > 0)
    factors = np.ones_like(largest_x)
    factors[used] = largest_x[used] ** alpha / largest_weight[used] ** (1 - alpha)
    factors /= np.exp(np.log(factors).mean())  # what all have in common changes nothing
    return np.clip(factors, 1 / LARGEST_FACTOR, LARGEST_FACTOR).astype(np.float32)


def _error(x: Float32Array, weights: Sequence[Float32Array], exact: Sequence[Float32Array], format: str) -> float:
    served = as_served(x)
    outputs = [served @ quantize_matrix(weight, format, "smoothed").values().T for weight in weights]
    return relative_change(np.concatenate(exact, axis=1), np.concatenate(outputs, axis=1))


def _divide(layer: Layer, place: Place, factors: Float32Array) -> Float32Array:
    """Puts the division into what comes before. Vectors are stored in 16 bits: what rounding makes of them is what the
    columns are multiplied with, so that the outputs stay exactly the same."""
    vectors = layer.vectors()
    name = place.norm or f"{place.projection}.bias"
    if name in vectors:
        before = vectors[name]
        after = layer.set_vector(name, before / factors)
        used = (before != 0) & (after != 0)
        factors = np.divide(before, after, out=factors.copy(), where=used)
    if place.projection:
        layer.set_weight(place.projection, layer.weight(place.projection) / factors[:, None])
    return factors


def _over_heads(channels: Float32Array, shared: int, size: int) -> Float32Array:
    """The largest of the channels that have one factor: [heads * size] to [value heads * size]."""
    largest: Float32Array = channels.reshape(-1, shared, size).max(axis=1)
    return largest.reshape(-1)


def _to_heads(factors: Float32Array, shared: int, size: int) -> Float32Array:
    """The way back."""
    heads: Float32Array = np.repeat(factors.reshape(-1, 1, size), shared, axis=1)
    return heads.reshape(-1)
