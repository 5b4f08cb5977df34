"""Quantisation-aware training: a model that computes in training as it will when it is served."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from paddle import nn
from paddle.quantization import QAT, QuantConfig

from sampan.config import ModelConfig
from sampan.models import CausalLM, TiedOutput, export_weights
from sampan.quant.layout import QUANTIZED, choose_formats, parts_of
from sampan.quant.rounding import rounded
from sampan.tuning.fake_quant import Inputs, QuantedEmbedding, QuantedTiedOutput, Weights

EMBEDDING = "model.embed_tokens.weight"


def quantization_aware(model: CausalLM, precision: str) -> CausalLM:
    """Lets a model round what serving rounds, in place: weights as packing does, inputs of matrices as kernels do.

    Its parameters stay the floats that training moves, under their names. The KV cache is not rounded: what fp16 takes
    from it is far less than the rest (docs/quality.md).

    Args:
        model: in training mode.
        precision: what it will be served in, `int8` or `int4`.

    Raises:
        ConfigError: unknown precision.
        CheckpointError: a matrix has no groups of 32.
    """
    config = QuantConfig(activation=None, weight=None)
    config.add_qat_layer_mapping(nn.Embedding, QuantedEmbedding)
    config.add_qat_layer_mapping(TiedOutput, QuantedTiedOutput)
    layers = dict(model.named_sublayers())
    for name, formats in _formats_of_layers(model.config, choose_formats(model.config, precision)).items():
        inputs = Inputs() if formats[-1] in QUANTIZED else None
        config.add_layer_config(layers[name], activation=inputs, weight=Weights(formats=formats))
    quantized: CausalLM = QAT(config).quantize(model, inplace=True)
    return quantized


def export_trained(model: CausalLM, precision: str) -> dict[str, npt.NDArray[np.float32]]:
    """All parameters, as `export_weights` has them. Packed in `precision` from float32, they are what the model was
    trained with, code by code."""
    weights = export_weights(model)
    # The output matrix of tied models is packed from what the embedding is stored as.
    weights[EMBEDDING] = rounded(weights[EMBEDDING], choose_formats(model.config, precision)["embed_tokens"])
    return weights


def _formats_of_layers(config: ModelConfig, formats: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """What each layer's weight is packed as, by the layer's name."""
    layers: dict[str, tuple[str, ...]] = {}
    for part in parts_of(config, formats):
        if part.name == "lm_head" and config.tie_word_embeddings:
            layers["lm_head"] = (formats["embed_tokens"], part.format)
        elif part.kind != "vector":
            layers |= {source.removesuffix(".weight"): (part.format,) for source in part.sources}
    return layers
