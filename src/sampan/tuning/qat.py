"""Quantisation-aware training: a model that computes in training as it will when it is served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from paddle import nn
from paddle.quantization import QAT, QuantConfig

from sampan.checkpoint import CodedTensor
from sampan.checkpoint.dtypes import HalfArray, Int8Array
from sampan.checkpoint.quantized.writer import Weight
from sampan.config import ModelConfig
from sampan.models import CausalLM, TiedOutput, export_weights
from sampan.quant.layout import GROUP_SIZE, QUANTIZED, choose_formats, parts_of
from sampan.quant.rounding import quantized, rounded
from sampan.quant.taking_over import CODE_BITS
from sampan.tuning.fake_quant import Inputs, QuantedEmbedding, QuantedTiedOutput, Weights


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
    changed: CausalLM = QAT(config).quantize(model, inplace=True)
    return changed


def export_trained(model: CausalLM, precision: str) -> dict[str, Weight]:
    """All parameters under Hugging Face's names, for `write_coded_checkpoint`: matrices of integers as the codes that
    the model was trained with, which packing takes over as they are, everything else as floats."""
    layers = _formats_of_layers(model.config, choose_formats(model.config, precision))
    weights: dict[str, Weight] = {}
    for name, weight in export_weights(model).items():
        format = layers.get(name.removesuffix(".weight"), ("fp32",))[0]
        if format in QUANTIZED:
            weights[name] = _coded(*quantized(weight, format), CODE_BITS[format])
        else:  # the output matrix of tied models is packed from what the embedding is stored as
            weights[name] = rounded(weight, format) if weight.ndim == 2 else weight
    return weights


def _coded(codes: Int8Array, scales: HalfArray, bits: int) -> CodedTensor:
    n, k = codes.shape
    return CodedTensor(bits, GROUP_SIZE, (n, k), lambda begin, end: (codes[begin:end], scales[begin:end]), Path())


def _formats_of_layers(config: ModelConfig, formats: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """What each layer's weight is packed as, by the layer's name."""
    layers: dict[str, tuple[str, ...]] = {}
    for part in parts_of(config, formats):
        if part.name == "lm_head" and config.tie_word_embeddings:
            layers["lm_head"] = (formats["embed_tokens"], part.format)
        elif part.kind != "vector":
            layers |= {source.removesuffix(".weight"): (part.format,) for source in part.sources}
    return layers
