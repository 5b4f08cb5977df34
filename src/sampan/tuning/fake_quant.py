"""What serving rounds, as layers for `paddle.quantization`: forward rounds, backward does as if it did not.

The derivative of rounding is nothing or infinite, so gradients go straight through (straight-through estimator,
arXiv:1308.3432). Values are to the bit those that the packing kernels store and the matrix kernels compute with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.autograd import PyLayer
from paddle.nn import functional
from paddle.nn.quant.format import ConvertibleQuantedLayer
from paddle.quantization.base_quanter import BaseQuanter
from paddle.quantization.factory import QuanterFactory

from sampan.quant.layout import GROUP_SIZE
from sampan.quant.rounding import rounded

SMALLEST = 2.0**-100  # a group with nothing above is all zeros: kQuantizeMin of csrc/include/sampan/matmul.h


class _Packed(PyLayer):
    """A weight as it is once it is packed, in one format after the other."""

    @staticmethod
    def forward(ctx: Any, weight: paddle.Tensor, formats: tuple[str, ...], inputs_first: bool) -> paddle.Tensor:
        """[in, out] where the inputs come first, else [..., in]."""
        array = weight.astype("float32").numpy()
        rows = array.T if inputs_first else array.reshape(-1, array.shape[-1])
        for format in formats:
            rows = rounded(rows, format)
        array = rows.T if inputs_first else rows.reshape(array.shape)
        return paddle.to_tensor(np.ascontiguousarray(array), place=weight.place).astype(weight.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        return gradient


class _Int8Inputs(PyLayer):
    """Inputs of a matrix as its kernel quantises them: symmetric int8 for each token and group of 32."""

    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor) -> paddle.Tensor:
        """[..., in]."""
        groups = x.astype("float32").reshape([*x.shape[:-1], -1, GROUP_SIZE])
        absmax = groups.abs().max(axis=-1, keepdim=True)
        empty = absmax < SMALLEST
        nothing = paddle.zeros_like(absmax)
        inverse = paddle.where(empty, nothing, 127.0 / absmax)
        scale = paddle.where(empty, nothing, absmax / 127.0)
        return (paddle.round(groups * inverse) * scale).reshape(x.shape).astype(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        return gradient


class _Quanter(BaseQuanter):
    """Without scales of its own: they follow from the values each time. So Paddle's `convert`, whose form has neither
    groups of 32 nor a search for scales, leaves layers with such quanters as they are."""

    def scales(self) -> None:
        return None

    def zero_points(self) -> None:
        return None

    def quant_axis(self) -> None:
        return None

    def bit_length(self) -> None:
        return None


class WeightQuanter(_Quanter):
    """Args:
    layer: whose weight it is; that of `nn.Linear` is [in, out].
    formats: what it is packed as, one after the other.
    """

    def __init__(self, layer: nn.Layer, formats: tuple[str, ...]) -> None:
        super().__init__()
        self.formats, self.inputs_first = formats, isinstance(layer, nn.Linear)

    def forward(self, weight: paddle.Tensor) -> paddle.Tensor:
        """The weight that is computed with."""
        return _Packed.apply(weight, self.formats, self.inputs_first)


class InputQuanter(_Quanter):
    """Of the inputs of a matrix of integers."""

    def __init__(self, layer: nn.Layer) -> None:
        super().__init__()

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """The inputs that are computed with."""
        return _Int8Inputs.apply(x)


class Weights(QuanterFactory):
    """Makes the quanter of each layer's weight: `Weights(formats=("int4",))`."""

    def _get_class(self) -> type[WeightQuanter]:
        return WeightQuanter


class Inputs(QuanterFactory):
    """Makes the quanter of each layer's inputs."""

    def _get_class(self) -> type[InputQuanter]:
        return InputQuanter


class QuantedEmbedding(ConvertibleQuantedLayer):
    """An embedding whose rows are rounded."""

    def __init__(self, layer: nn.Embedding, q_config: Any) -> None:
        super().__init__()
        self.weight = layer.weight
        self.weight_quanter = q_config.weight._instance(layer)

    def forward(self, input_ids: paddle.Tensor) -> paddle.Tensor:
        """[...] -> [..., hidden_size]; only the rows that are read are rounded."""
        return self.weight_quanter(functional.embedding(input_ids, self.weight))

    def weights_to_quanters(self) -> list[tuple[str, str]]:
        return [("weight", "weight_quanter")]

    def activation_quanters(self) -> list[str]:
        return []


class QuantedTiedOutput(ConvertibleQuantedLayer):
    """An output matrix that is the embedding's, packed once more."""

    def __init__(self, layer: nn.Layer, q_config: Any) -> None:
        super().__init__()
        self.weight_quanter = q_config.weight._instance(layer)
        self.activation_quanter = None if q_config.activation is None else q_config.activation._instance(layer)

    def forward(self, hidden: paddle.Tensor, embedding: paddle.Tensor) -> paddle.Tensor:
        """[..., hidden_size] -> [..., vocab_size]."""
        hidden = hidden if self.activation_quanter is None else self.activation_quanter(hidden)
        return paddle.matmul(hidden, self.weight_quanter(embedding), transpose_y=True)

    def weights_to_quanters(self) -> list[tuple[str, str]]:
        return []

    def activation_quanters(self) -> list[str]:
        return ["activation_quanter"]
