"""Quantises one layer, matrix after matrix in the order in which they compute.

The inputs of each are those that it will have when the model is served: they come through all that is quantised
already, and are rounded as its kernel rounds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sampan.checkpoint import Checkpoint, CodedTensor
from sampan.checkpoint.dtypes import Float32Array, from_float32, to_float32
from sampan.ptq.errors import output_error
from sampan.ptq.gptq import Feedback, error_feedback, gptq
from sampan.ptq.hidden_states import HiddenStates
from sampan.ptq.layer import Layer
from sampan.ptq.layer_inputs import LayerInputs, collect
from sampan.ptq.recipe import MATRICES, Recipe, wider
from sampan.ptq.result import MatrixError
from sampan.ptq.smoothquant import smooth
from sampan.quant.codes import Codes, as_served, quantize_matrix
from sampan.quant.layout import GROUP_SIZE

Weight = CodedTensor | Float32Array


@dataclass(frozen=True, slots=True)
class QuantizedLayer:
    """Args:
    tensors: all of the layer's, by Hugging Face's names, as they are to be stored.
    states: behind the layer.
    """

    tensors: Mapping[str, Weight]
    matrices: tuple[MatrixError, ...]
    states: HiddenStates


class LayerQuantizer:
    """Args:
    formats: of every matrix, such as `layers.0.qkv_proj`.
    dtype: how what is not quantised will be stored.
    scratch: a file for hidden states within a layer.
    """

    def __init__(
        self, checkpoint: Checkpoint, recipe: Recipe, formats: Mapping[str, str], dtype: str, scratch: Path
    ) -> None:
        self._checkpoint, self._recipe, self._formats = checkpoint, recipe, formats
        self._dtype, self._scratch = dtype, scratch
        self._layer = Layer(checkpoint.config, dtype)

    def run(self, index: int, states: HiddenStates, target: Path, report: Callable[[int, int], None]) -> QuantizedLayer:
        """Quantises a layer.

        Args:
            states: before the layer.
            target: the file for those behind it.
            report: is told how many of the layer's steps are done, and of how many.

        Raises:
            CheckpointError: a weight cannot be rounded, or a file cannot be read or written.
        """
        layer, steps = self._layer, _Steps(report, len(MATRICES) + 2)
        layer.load(self._checkpoint, index)
        formats = {matrix: self._formats[f"layers.{index}.{matrix}"] for matrix in MATRICES}
        alphas: dict[str, float] = {}
        if self._recipe.method == "smoothquant":
            alphas = smooth(layer, self._checkpoint.config, states, formats)
        steps.done()

        tensors: dict[str, Weight] = {}
        matrices: list[MatrixError] = []
        prefix = f"model.layers.{index}."
        for matrix in MATRICES:
            if matrix == "gate_up_proj":  # attention is complete
                behind = (layer.after_attention(batch, x) for batch, x in states)
                states = states.written(self._scratch, behind)
            with_hessian = self._recipe.method == "gptq" and formats[matrix] != "bf16"
            inputs = collect(layer, states, (matrix,), with_hessian=with_hessian)[matrix]
            for name, weight, error, format in self._quantized(prefix, matrix, formats[matrix], inputs):
                tensors[f"{prefix}{name}.weight"] = weight
                matrices.append(MatrixError(f"{prefix}{name}.weight", format, error, alphas.get(matrix, 0.0)))
            steps.done()
        states = states.written(target, (layer.after_mlp(x) for _, x in states))
        steps.done()
        return QuantizedLayer(
            {f"{prefix}{name}": value for name, value in layer.vectors().items()} | tensors, tuple(matrices), states
        )

    def _quantized(
        self, prefix: str, matrix: str, format: str, inputs: LayerInputs
    ) -> list[tuple[str, Weight, float, str]]:
        """Each projection of a matrix: name, what is stored, error, format. The layer goes on with what is left."""
        exact = {name: self._layer.weight(name) for name in MATRICES[matrix]}
        feedback = None if inputs.hessian is None else error_feedback(inputs.hessian)
        inputs.hessian = None
        limit = self._recipe.max_layer_error
        while True:
            stored, served = {}, {}
            for name, weight in exact.items():
                stored[name], served[name] = self._rounded(weight, feedback, format, prefix + name)
            sample = inputs.sample
            served_sample = as_served(sample) if format != "bf16" else sample
            errors = {name: output_error(sample, exact[name], served_sample, served[name]) for name in exact}
            if limit is None or max(errors.values()) <= limit or format == "bf16":
                break
            format = wider(format)
        for name in exact:
            self._layer.set_weight(name, served[name], rounds_inputs=format != "bf16")
        return [(name, stored[name], errors[name], format) for name in exact]

    def _rounded(
        self, weight: Float32Array, feedback: Feedback | None, format: str, name: str
    ) -> tuple[Weight, Float32Array]:
        """What is stored, and what it stands for."""
        if format == "bf16":
            served = to_float32(from_float32(weight, self._dtype), self._dtype)
            return served, served
        if feedback is None:
            codes = quantize_matrix(weight, format, name)
        else:
            codes = gptq(weight, feedback, format, name)
        return _coded(codes), codes.values()


def _coded(codes: Codes) -> CodedTensor:
    n, k = codes.codes.shape
    return CodedTensor(
        bits=4 if codes.format == "int4" else 8,
        group_size=GROUP_SIZE,
        shape=(n, k),
        rows=lambda begin, end: (codes.codes[begin:end], codes.scales[begin:end]),
        file=Path(),
    )


class _Steps:
    """Counts what is done of a layer."""

    def __init__(self, report: Callable[[int, int], None], total: int) -> None:
        self._report, self._done, self._total = report, 0, total

    def done(self) -> None:
        self._done += 1
        self._report(self._done, self._total)
