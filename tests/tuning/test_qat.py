"""Training sees what serving does: weights to the bit, logits within a rounding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import paddle
import pytest
from paddle import nn
from paddle.quantization import QAT, QuantConfig

from numpy_packer import quantize_int4, quantize_int8
from paged_logits import Row, paged_logits
from random_model import MemoryCheckpoint
from sampan.backends.native import NativeBackend
from sampan.checkpoint import open_checkpoint, write_coded_checkpoint
from sampan.config import ModelConfig
from sampan.errors import CheckpointError, ConfigError
from sampan.models import CausalLM, build_model, export_weights
from sampan.quant import pack_model
from sampan.quant.rounding import quantized, rounded
from sampan.tuning import (
    Batch,
    Example,
    Trainer,
    TrainerConfig,
    divergence_from,
    export_trained,
    masked_cross_entropy,
    quantization_aware,
)
from sampan.tuning.fake_quant import InputQuanter, WeightQuanter

TIED = ModelConfig("qwen2", 80, 64, 96, 2, 2, 1, 32, 64, tie_word_embeddings=True, attention_bias=True)
UNTIED = replace(TIED, tie_word_embeddings=False, attention_bias=False, model_type="llama")
IDS = np.random.default_rng(4).integers(0, 80, 30)
LOGITS_ERROR = 2e-3  # of the largest logit: now and then an input lies half-way between two codes


def random_model(config: ModelConfig) -> CausalLM:
    paddle.seed(11)
    model = build_model(config)
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            parameter.set_value(paddle.randn(parameter.shape) * 0.25)
        elif "bias" in name:
            parameter.set_value(paddle.randn(parameter.shape) * 0.1)
    return model


def dequantised(weight: npt.NDArray[np.float32], format: str) -> npt.NDArray[np.float32]:
    codes, scales = (quantize_int8 if format == "int8" else quantize_int4)(weight)
    groups = codes.reshape(len(weight), -1, 32).astype(np.float32) * scales.astype(np.float32)[..., None]
    return groups.reshape(weight.shape).astype(np.float32)


@pytest.mark.parametrize("format", ["int8", "int4"])
@pytest.mark.parametrize("shape", [(16, 32), (21, 96), (1, 64)])
def test_a_rounded_matrix_is_what_packing_stores(format: str, shape: tuple[int, int]) -> None:
    weight = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    weight[0, :32] = 0
    expected = dequantised(weight, format)
    assert np.array_equal(rounded(weight, format), expected)
    codes, scales = quantized(weight, format)
    assert (codes.dtype, scales.dtype, codes.shape, scales.shape) == (
        np.int8,
        np.float16,
        shape,
        (shape[0], shape[1] // 32),
    )
    linear = nn.Linear(shape[1], shape[0])
    linear.weight.set_value(np.ascontiguousarray(weight.T))
    seen = WeightQuanter(linear, formats=(format,))(linear.weight)
    assert np.array_equal(seen.numpy().T, expected)
    seen.sum().backward()
    assert (linear.weight.grad.numpy() == 1).all()


def test_sixteen_bits_are_rounded_to_nearest() -> None:
    weight = np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
    assert np.array_equal(rounded(weight, "fp16"), weight.astype(np.float16).astype(np.float32))
    assert np.array_equal(rounded(weight, "fp32"), weight)
    assert (rounded(weight, "bf16").view(np.uint32) & 0xFFFF == 0).all()
    assert np.abs(rounded(weight, "bf16") / weight - 1).max() <= 2**-8


def test_inputs_are_rounded_for_each_token_and_group() -> None:
    x = np.random.default_rng(2).normal(size=(2, 3, 64)).astype(np.float32)
    x[0, 0, :32] = 0
    x[0, 1, 0] = 100
    tensor = paddle.to_tensor(x, stop_gradient=False)
    seen = InputQuanter(nn.Linear(64, 1))(tensor)
    groups = x.reshape(2, 3, 2, 32)
    absmax = np.abs(groups).max(-1, keepdims=True)
    inverse = np.where(absmax == 0, 0, np.float32(127) / np.where(absmax == 0, 1, absmax)).astype(np.float32)
    expected = np.rint(groups * inverse) * (absmax / np.float32(127))
    assert np.array_equal(seen.numpy(), expected.reshape(x.shape).astype(np.float32))
    (seen * 3).sum().backward()
    assert (tensor.grad.numpy() == 3).all()


@pytest.mark.parametrize("config", [TIED, UNTIED], ids=["tied", "untied"])
@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_training_sees_what_is_served(config: ModelConfig, precision: str, tmp_path: Path) -> None:
    model = quantization_aware(random_model(config), precision)
    exact = random_model(config)(paddle.to_tensor(IDS[None])).numpy()[0]
    assert set(export_weights(model)) == set(export_weights(random_model(config)))
    seen = model(paddle.to_tensor(IDS[None])).numpy()[0]
    converted = QAT(QuantConfig(activation=None, weight=None)).convert(model)
    assert np.array_equal(converted(paddle.to_tensor(IDS[None])).numpy()[0], seen)

    write_coded_checkpoint(tmp_path, config, export_trained(model, precision), "fp32")
    backend = NativeBackend(kv_cache="fp32")
    backend.load_packed(pack_model(open_checkpoint(tmp_path), "auto"))
    [served] = paged_logits(backend, [Row(IDS.tolist(), [len(IDS)], [0, 1])])
    assert np.abs(served - seen).max() < LOGITS_ERROR * np.abs(seen).max()
    assert np.abs(served - exact).max() > 5 * np.abs(served - seen).max()


@pytest.mark.parametrize("config", [TIED, UNTIED], ids=["tied", "untied"])
@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_what_is_exported_packs_to_the_codes_of_training(config: ModelConfig, precision: str, tmp_path: Path) -> None:
    model = quantization_aware(random_model(config), precision)
    write_coded_checkpoint(tmp_path, config, export_trained(model, precision), "fp32")
    floats = export_weights(model)
    floats["model.embed_tokens.weight"] = rounded(floats["model.embed_tokens.weight"], "bf16")
    expected = pack_model(MemoryCheckpoint(config, floats), precision).tensors
    for taken in (precision, "auto"):
        packed = pack_model(open_checkpoint(tmp_path), taken).tensors
        assert packed.keys() == expected.keys()
        assert all(np.array_equal(value, packed[name]) for name, value in expected.items())


def test_it_trains_with_the_one_loop_and_comes_nearer(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    examples = [Example(rng.integers(0, 80, 24), np.arange(24) > 0) for _ in range(8)]
    teacher, model = random_model(TIED), quantization_aware(random_model(TIED), "int4")
    config = TrainerConfig(num_steps=12, batch_tokens=200, learning_rate=1e-3, warmup_steps=2, weight_decay=0.0)
    trainer = Trainer(model, examples, config, tmp_path, divergence_from(teacher))
    batch = Batch.of(examples)
    before = float(divergence_from(teacher)(model, batch))
    assert before > 0.01
    trainer.train()
    assert float(divergence_from(teacher)(model, batch)) < before / 2


def test_the_divergence_from_itself_is_nothing() -> None:
    model = random_model(TIED)
    batch = Batch.of([Example(IDS, np.arange(30) > 0)])
    assert float(divergence_from(model)(model, batch)) == pytest.approx(0, abs=1e-6)
    other = random_model(TIED)
    other.model.norm.weight.set_value(other.model.norm.weight * 0)
    uniform = float(divergence_from(other)(model, batch))
    logits = model(paddle.to_tensor(IDS[None, :-1]))[0]
    expected = -np.log(80) - paddle.nn.functional.log_softmax(logits).mean(-1).mean().item()
    assert uniform == pytest.approx(expected, rel=1e-5)
    assert float(masked_cross_entropy(other, batch)) == pytest.approx(np.log(80), rel=1e-6)


def test_what_cannot_be_quantised_is_refused() -> None:
    with pytest.raises(ConfigError, match="int5"):
        quantization_aware(random_model(TIED), "int5")
    with pytest.raises(CheckpointError, match="multiple of 32"):
        quantization_aware(build_model(replace(TIED, intermediate_size=40)), "int4")
    with pytest.raises(ConfigError, match="diverged"):
        rounded(np.full((1, 32), np.nan, np.float32), "int4")
