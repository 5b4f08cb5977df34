"""One decoder layer in float32, through which the calibration runs as it will be served: where a matrix is quantised,
its inputs are rounded as its kernel rounds them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle

from sampan.checkpoint import Checkpoint
from sampan.checkpoint.dtypes import Float32Array, from_float32, to_float32
from sampan.config import ModelConfig
from sampan.models.decoder import DecoderLayer, causal_attend
from sampan.models.rotary import rotation
from sampan.ptq.hidden_states import MicroBatch
from sampan.ptq.recipe import MATRICES
from sampan.quant.codes import as_served
from sampan.rope import inverse_frequencies


class Layer:
    """The weights of one layer at a time.

    Args:
        config: of the model.
        dtype: how vectors are stored in the quantised model; they are rounded to it before anything is computed.
    """

    def __init__(self, config: ModelConfig, dtype: str) -> None:
        self._dtype = dtype
        self._layer = DecoderLayer(config, 0)
        self._layer.eval()
        self._frequencies = paddle.to_tensor(inverse_frequencies(config))
        self._parameters = dict(self._layer.named_parameters())
        self._rounds: set[str] = set()  # projections whose inputs are rounded
        for projections in MATRICES.values():
            for name in projections:
                self._linear(name).register_forward_pre_hook(self._rounding(name))

    def load(self, checkpoint: Checkpoint, index: int) -> None:
        """Takes over the weights of a layer; nothing is rounded any more but vectors."""
        self._rounds.clear()
        for name in self._parameters:
            value = checkpoint.get(f"model.layers.{index}.{name}")
            if value.ndim == 1:
                self.set_vector(name, value)
            else:
                self.set_weight(name.removesuffix(".weight"), value)

    def vectors(self) -> dict[str, Float32Array]:
        """Norms and biases, by name."""
        return {name: value.numpy() for name, value in self._parameters.items() if value.ndim == 1}

    def set_vector(self, name: str, value: Float32Array) -> Float32Array:
        """Returns what is left of it once it is stored."""
        stored = to_float32(from_float32(value, self._dtype), self._dtype)
        self._parameters[name].set_value(stored)
        return stored

    def weight(self, projection: str) -> Float32Array:
        """[out, in], such as that of `self_attn.q_proj`."""
        return np.ascontiguousarray(self._parameters[f"{projection}.weight"].numpy().T)

    def set_weight(self, projection: str, value: Float32Array, *, rounds_inputs: bool = False) -> None:
        """Args:
        rounds_inputs: its kernel is one that rounds its inputs.
        """
        self._parameters[f"{projection}.weight"].set_value(np.ascontiguousarray(value.T))
        (self._rounds.add if rounds_inputs else self._rounds.discard)(projection)

    @paddle.no_grad()  # type: ignore[untyped-decorator]
    def input_of(self, matrix: str, batch: MicroBatch, x: Float32Array) -> Float32Array:
        """What a matrix of `MATRICES` is multiplied with, [tokens, k], not rounded yet.

        Args:
            x: states [tokens, hidden_size] before the layer; for `gate_up_proj` and `down_proj` those behind its
                attention.
        """
        layer, states = self._layer, paddle.to_tensor(x)
        if matrix in ("qkv_proj", "o_proj"):
            states = layer.input_layernorm(states)
            states = layer.self_attn.mix(states, *self._attention_of(batch)) if matrix == "o_proj" else states
        else:
            states = layer.post_attention_layernorm(states)
            states = layer.mlp.gated(states) if matrix == "down_proj" else states
        return _array(states)

    @paddle.no_grad()  # type: ignore[untyped-decorator]
    def after_attention(self, batch: MicroBatch, x: Float32Array) -> Float32Array:
        """States [tokens, hidden_size] between the layer's two blocks."""
        states = paddle.to_tensor(x)
        return _array(states + self._layer.self_attn(self._layer.input_layernorm(states), *self._attention_of(batch)))

    @paddle.no_grad()  # type: ignore[untyped-decorator]
    def after_mlp(self, x: Float32Array) -> Float32Array:
        """States behind the layer, from those behind its attention."""
        states = paddle.to_tensor(x)
        return _array(states + self._layer.mlp(self._layer.post_attention_layernorm(states)))

    def _attention_of(self, batch: MicroBatch) -> tuple[Any, Any, Callable[..., Any]]:
        """Cosines, sines, and attention within each sample of a micro-batch."""

        def attend(layer: int, *qkv: paddle.Tensor) -> paddle.Tensor:
            samples = zip(*(paddle.split(part, list(batch.lengths)) for part in qkv), strict=True)
            return paddle.concat(
                [causal_attend(layer, *(part.unsqueeze(0) for part in sample))[0] for sample in samples]
            )

        positions = paddle.to_tensor(np.concatenate([np.arange(length) for length in batch.lengths]))
        return (*rotation(positions, self._frequencies), attend)

    def _linear(self, projection: str) -> Any:
        block, _, name = projection.partition(".")
        return getattr(getattr(self._layer, block), name)

    def _rounding(self, projection: str) -> Callable[[Any, Any], Any]:
        def before(_: Any, inputs: Any) -> Any:
            return paddle.to_tensor(as_served(inputs[0].numpy())) if projection in self._rounds else None

        return before


def _array(states: paddle.Tensor) -> Float32Array:
    values: Float32Array = states.numpy()
    return values
