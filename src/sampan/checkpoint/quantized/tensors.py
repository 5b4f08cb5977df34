"""Folders whose weights are stored as integers, by the formats that `quantization_config` names."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sampan.checkpoint.base import CodedTensor, RawTensor, TensorFile
from sampan.checkpoint.dtypes import Float32Array
from sampan.checkpoint.quantized.compressed_tensors import read_compressed_tensors
from sampan.checkpoint.quantized.config import QuantizationConfig
from sampan.checkpoint.quantized.gptq import read_awq, read_gptq
from sampan.checkpoint.quantized.matrix import QuantizedMatrix
from sampan.checkpoint.quantized.stored_layer import StoredLayer
from sampan.errors import CheckpointError
from sampan.strict_json import FETCH_AGAIN

Reader = Callable[[QuantizationConfig, Mapping[str, TensorFile]], list[tuple[StoredLayer, QuantizedMatrix]]]
READERS: Mapping[str, Reader] = {
    "awq": read_awq,
    "compressed-tensors": read_compressed_tensors,
    "gptq": read_gptq,
}
PADDLES = (None, "weight_only_int8")
# PaddleNLP writes what differs from its defaults. These say how weights were found, or speak of training.
PADDLES_ASIDE = ("act_quant_method", "llm_int8_threshold", "quant_round_type", "weight_quant_method")


class QuantizedTensors:
    """A `TensorFile` of the quantised weights of a folder, under the names of the floats that they stand for.

    Args:
        path: of the configuration.
        tensors: what the layers are stored as.
    """

    def __init__(
        self, path: Path, tensors: Mapping[str, TensorFile], layers: Sequence[tuple[StoredLayer, QuantizedMatrix]]
    ) -> None:
        self.path = path
        self._tensors = tensors
        self._layers = {f"{layer.name}.weight": (layer, matrix) for layer, matrix in layers}

    def names(self) -> Sequence[str]:
        return list(self._layers)

    def get(self, name: str) -> Float32Array:
        values = self._unchanged(name).get()
        self._unchanged(name)
        return values

    def raw(self, name: str) -> RawTensor:
        return self._unchanged(name).raw()

    def coded(self, name: str) -> CodedTensor | None:
        return self._unchanged(name).coded

    def _unchanged(self, name: str) -> QuantizedMatrix:
        """Raises CheckpointError: a file that it is made of changed since it was opened."""
        layer, matrix = self._layers[name]
        for stored in (f"{layer.name}.{suffix}" for suffix in layer.parts):
            self._tensors[stored].raw(stored)
        return matrix


def with_quantized(
    config_file: Path, data: Any, tensors: Mapping[str, TensorFile], expected: Collection[str]
) -> dict[str, TensorFile]:
    """The tensors of a folder with its quantised layers under Hugging Face's names of their weights.

    Args:
        data: the object `quantization_config` of `config_file`.
        tensors: by stored name, the file of each.
        expected: names of the model's tensors. AutoGPTQ gives a bias to layers without one: zeros, which are left out.

    Raises:
        ConfigError: the format is not read, or says something that Sampan does not know.
        CheckpointError: a layer contradicts itself or the configuration.
    """
    config = QuantizationConfig(data, str(config_file))
    method = config.data.get("quant_method")
    if method is None:
        _check_paddles(config)
        return dict(tensors)
    if not isinstance(method, str) or method not in READERS:
        config.refuse(f"quant_method={reprlib.repr(method)} is not read")
    layers = READERS[method](config, tensors)
    used = {f"{layer.name}.{suffix}" for layer, _ in layers for suffix in layer.parts}
    biases = {f"{layer.name}.bias" for layer, _ in layers} & tensors.keys() - set(expected)
    used |= {name for name in biases if not tensors[name].get(name).any()}
    quantized = QuantizedTensors(config_file, tensors, layers)
    plain: dict[str, TensorFile] = {name: file for name, file in tensors.items() if name not in used}
    twice = plain.keys() & set(quantized.names())
    if twice:
        raise CheckpointError(f"{config_file.parent} holds {min(twice)!r} twice, as floats too", remedy=FETCH_AGAIN)
    return {**plain, **dict.fromkeys(quantized.names(), quantized)}


def _check_paddles(config: QuantizationConfig) -> None:
    """PaddleNLP names no method; its layers show by their names that they are quantised."""
    config.only(("weight_quantize_algo", "quant_type", "group_size", *PADDLES_ASIDE))
    config.value("weight_quantize_algo", PADDLES)
    config.value("quant_type", PADDLES)
    config.value("group_size", (-1,), -1)
