"""What the calibration says about the inputs of a matrix."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sampan.checkpoint.dtypes import Float32Array
from sampan.ptq.hidden_states import HiddenStates
from sampan.ptq.layer import Layer
from sampan.quant.codes import as_served

SAMPLE_TOKENS = 1024  # whose inputs are kept, to measure outputs with


class LayerInputs:
    """Statistics of inputs [tokens, k].

    Attributes:
        sample: [about `SAMPLE_TOKENS`, k]: some from all parts of the calibration.
        hessian: H [k, k] = sum of x^T x over all inputs as kernels see them; None where it was not asked for.
        largest: [k], of the magnitudes of each channel.
    """

    def __init__(self, num_tokens: int, *, with_hessian: bool = False) -> None:
        self._step = max(num_tokens // SAMPLE_TOKENS, 1)
        self._with_hessian = with_hessian
        self._seen = 0
        self._kept: list[Float32Array] = []
        self.hessian: Float32Array | None = None
        self.largest = np.zeros(1, np.float32)

    def add(self, x: Float32Array) -> None:
        """Takes a micro-batch [tokens, k] in."""
        self._kept.append(x[-self._seen % self._step :: self._step].copy())
        self._seen += len(x)
        self.largest = np.maximum(self.largest, np.abs(x).max(axis=0))
        if self._with_hessian:
            served = as_served(x)
            product = served.T @ served
            self.hessian = product if self.hessian is None else np.add(self.hessian, product, out=self.hessian)

    @property
    def sample(self) -> Float32Array:
        return np.concatenate(self._kept)


def collect(
    layer: Layer, states: HiddenStates, matrices: Iterable[str], *, with_hessian: bool = False
) -> dict[str, LayerInputs]:
    """The inputs of some matrices of a layer that are multiplied with the same states."""
    found = {matrix: LayerInputs(states.num_tokens, with_hessian=with_hessian) for matrix in matrices}
    for batch, x in states:
        for matrix, inputs in found.items():
            inputs.add(layer.input_of(matrix, batch, x))
    return found
