"""The Paddle decoders against a plain numpy decoder, whole and through the paged cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import paddle
import pytest

from numpy_decoder import decoder_logits
from paged_logits import BLOCK_SIZE, Row, equal_chunks, paged_logits
from sampan.backends.paddle import PaddleBackend
from sampan.checkpoint import Checkpoint, expected_tensors, open_checkpoint, write_checkpoint
from sampan.config import ModelConfig, RopeScaling
from sampan.models import build_model, export_weights, load_weights

TOLERANCE = 1e-4
PROMPT = np.random.default_rng(1).integers(0, 96, 150).tolist()  # reaches into a second KV tile of 128 positions
BLOCK_TABLE = [9, 3, 60, 0, 17, 5, 41, 2, 33, 11]

QWEN = ModelConfig(
    model_type="qwen2",
    vocab_size=96,
    hidden_size=48,
    intermediate_size=80,
    num_hidden_layers=2,
    num_attention_heads=6,
    num_key_value_heads=2,
    head_dim=8,
)
LLAMA = replace(QWEN, model_type="llama", attention_bias=False, rms_norm_eps=1e-5)
# A context so short that the pairs of a head of 8 fall into all three cases of the scaling.
SCALED = replace(LLAMA, rope_theta=500.0, rope_scaling=RopeScaling(original_max_position_embeddings=100))
CONFIGS = {
    "qwen2": QWEN,
    "qwen2-tied": replace(QWEN, tie_word_embeddings=True),
    "qwen2-wide-heads": replace(QWEN, head_dim=10),
    "llama": LLAMA,
    "llama-one-kv-head": replace(LLAMA, num_key_value_heads=1),
    "llama-no-groups": replace(LLAMA, num_key_value_heads=6),
    "llama3-scaling": SCALED,
}


def random_tensors(config: ModelConfig) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        name: (rng.normal(1.0 if "norm" in name else 0.0, 0.2, shape)).astype(np.float32)
        for name, shape in expected_tensors(config).items()
    }


@pytest.fixture(params=CONFIGS)
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Checkpoint:
    config = CONFIGS[request.param]
    write_checkpoint(tmp_path, config, random_tensors(config), "fp32")
    return open_checkpoint(tmp_path)


@pytest.fixture
def reference(checkpoint: Checkpoint) -> np.ndarray:
    return decoder_logits(checkpoint.config, {name: checkpoint.get(name) for name in checkpoint.names()}, PROMPT)


def backend_of(checkpoint: Checkpoint) -> PaddleBackend:
    backend = PaddleBackend("cpu")
    backend.load(checkpoint, "fp32")
    return backend


def test_the_scaled_model_meets_all_three_cases_of_the_scaling() -> None:
    wavelengths = 2 * np.pi * SCALED.rope_theta ** (np.arange(0, 8, 2) / 8)
    assert [(float(100 / wavelength) > 4, float(100 / wavelength) < 1) for wavelength in wavelengths] == [
        (True, False),  # turns more than 4 times within the context: untouched
        (False, False),
        (False, True),  # does not even turn once: slowed down by the whole factor
        (False, True),
    ]


def test_whole_prompts(checkpoint: Checkpoint, reference: np.ndarray) -> None:
    model = build_model(checkpoint.config)
    load_weights(model, checkpoint)
    batch = np.array([PROMPT, PROMPT[::-1]])
    logits = model(paddle.to_tensor(batch)).numpy()
    np.testing.assert_allclose(logits[0], reference, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("chunk", [1, 7, 40, 150])
def test_chunks_through_the_paged_cache(checkpoint: Checkpoint, reference: np.ndarray, chunk: int) -> None:
    [logits] = paged_logits(backend_of(checkpoint), [Row(PROMPT, equal_chunks(150, chunk), BLOCK_TABLE)])
    np.testing.assert_allclose(logits, reference, rtol=0, atol=TOLERANCE)


def test_requests_in_one_batch_do_not_touch_each_other(checkpoint: Checkpoint) -> None:
    tensors = {name: checkpoint.get(name) for name in checkpoint.names()}
    rows = [
        Row(PROMPT[:5], [1, 1, 3], [8]),
        Row(PROMPT[20:60], equal_chunks(40, 13), [1, 0, 2]),
        Row(PROMPT[60:61], [1], [30]),
        Row(PROMPT[:BLOCK_SIZE], [BLOCK_SIZE], [63]),
    ]
    for row, logits in zip(rows, paged_logits(backend_of(checkpoint), rows), strict=True):
        expected = decoder_logits(checkpoint.config, tensors, row.token_ids)
        np.testing.assert_allclose(logits, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_shards_of_narrow_floats_are_computed_in_float32(tmp_path: Path, dtype: str) -> None:
    write_checkpoint(tmp_path, QWEN, random_tensors(QWEN), dtype, max_shard_bytes=10_000)
    checkpoint = open_checkpoint(tmp_path)
    expected = decoder_logits(QWEN, {name: checkpoint.get(name) for name in checkpoint.names()}, PROMPT[:20])
    [logits] = paged_logits(backend_of(checkpoint), [Row(PROMPT[:20], [20], [4, 2])])
    np.testing.assert_allclose(logits, expected, rtol=0, atol=TOLERANCE)


def test_export_is_the_inverse_of_loading(checkpoint: Checkpoint) -> None:
    model = build_model(checkpoint.config)
    load_weights(model, checkpoint)
    exported = export_weights(model)
    assert exported.keys() == set(checkpoint.names())
    for name, value in exported.items():
        np.testing.assert_array_equal(value, checkpoint.get(name), strict=True)


def test_gradients_agree_with_differences_of_the_numpy_loss(checkpoint: Checkpoint) -> None:
    """The loss along a random direction of each tensor, by the chain rule and by the difference quotient."""
    config, token_ids = checkpoint.config, PROMPT[:12]
    model = build_model(config)
    load_weights(model, checkpoint)
    logits = model(paddle.to_tensor([token_ids[:-1]]))
    paddle.nn.functional.cross_entropy(logits[0], paddle.to_tensor(token_ids[1:])).backward()

    def loss(tensors: dict[str, np.ndarray]) -> float:
        scores = decoder_logits(config, tensors, token_ids[:-1])
        scores = scores - scores.max(axis=-1, keepdims=True)
        chosen = scores[np.arange(len(scores)), token_ids[1:]]
        return float(np.mean(np.log(np.exp(scores).sum(axis=-1)) - chosen))

    rng = np.random.default_rng(2)
    weights = {name: checkpoint.get(name).astype(np.float64) for name in checkpoint.names()}
    for name, parameter in model.named_parameters():
        is_linear = name.endswith("_proj.weight") or name == "lm_head.weight"
        gradient = parameter.grad.numpy().T if is_linear else parameter.grad.numpy()
        direction = rng.choice([-1.0, 1.0], weights[name].shape)
        step = 1e-5
        ahead = loss({**weights, name: weights[name] + step * direction})
        behind = loss({**weights, name: weights[name] - step * direction})
        np.testing.assert_allclose((gradient * direction).sum(), (ahead - behind) / (2 * step), rtol=2e-3, atol=2e-4)
