"""The decoders against `transformers`: checkpoints that it writes, logits that it computes on the CPU in float32."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from paged_logits import Row, equal_chunks, paged_logits
from sampan.backends.paddle import PaddleBackend
from sampan.checkpoint import expected_tensors, open_checkpoint, write_checkpoint
from sampan.config import ModelConfig, RopeScaling
from sampan.models import build_model, load_weights

WHY = "the reference group is not installed (make test-reference)"
torch = pytest.importorskip("torch", reason=WHY)
transformers = pytest.importorskip("transformers", reason=WHY)

pytestmark = pytest.mark.reference

TOLERANCE = 1e-4
PROMPT = np.random.default_rng(1).integers(0, 160, 150).tolist()  # reaches into a second KV tile of 128 positions
BLOCK_TABLE = [9, 3, 60, 0, 17, 5, 41, 2, 33, 11]

SHAPE = {
    "vocab_size": 160,
    "hidden_size": 64,
    "intermediate_size": 112,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "attn_implementation": "eager",
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
QWEN: dict[str, Any] = {**SHAPE, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": False}
LLAMA: dict[str, Any] = {**SHAPE, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": False}
LLAMA31: dict[str, Any] = {**LLAMA, "rope_scaling": LLAMA3}
CASES = {  # architecture, configuration, stored type, bytes in a shard
    "qwen2-fp32": ("Qwen2", QWEN, "float32", None),
    "qwen2-bf16-sharded": ("Qwen2", QWEN, "bfloat16", 50_000),
    "qwen2-tied-fp32": ("Qwen2", {**QWEN, "tie_word_embeddings": True}, "float32", None),
    "qwen2-tied-bf16-sharded": ("Qwen2", {**QWEN, "tie_word_embeddings": True}, "bfloat16", 50_000),
    "llama-fp32-sharded": ("Llama", LLAMA, "float32", 100_000),
    "llama3-fp32": ("Llama", LLAMA31, "float32", None),
    "llama3-bf16-sharded": ("Llama", LLAMA31, "bfloat16", 50_000),
    "llama3-tied-fp16": ("Llama", {**LLAMA31, "tie_word_embeddings": True}, "float16", None),
}


def save_random_model(folder: Path, architecture: str, settings: dict[str, Any], dtype: str, shard: int | None) -> None:
    torch.manual_seed(0)
    config = getattr(transformers, f"{architecture}Config")(**settings)
    model = getattr(transformers, f"{architecture}ForCausalLM")(config)
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, mean=1.0 if "norm" in name else 0.0, std=0.2)
    model.to(getattr(torch, dtype)).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    assert (folder / "model.safetensors.index.json").exists() == (shard is not None)


def reference_logits(folder: Path, token_ids: list[int]) -> np.ndarray:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").float().eval()
    with torch.no_grad():
        return model(torch.tensor([token_ids])).logits[0].numpy()


@pytest.fixture(scope="module", params=CASES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    save_random_model(folder, *CASES[request.param])
    return folder


@pytest.fixture(scope="module")
def reference(folder: Path) -> np.ndarray:
    return reference_logits(folder, PROMPT)


def test_whole_prompt(folder: Path, reference: np.ndarray) -> None:
    checkpoint = open_checkpoint(folder)
    model = build_model(checkpoint.config)
    load_weights(model, checkpoint)
    np.testing.assert_allclose(model(paddle.to_tensor([PROMPT])).numpy()[0], reference, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("chunk", [1, 13, 64, 150])
def test_paged_cache(folder: Path, reference: np.ndarray, chunk: int) -> None:
    """Token by token, in chunks, and at once."""
    backend = PaddleBackend("cpu")
    backend.load(open_checkpoint(folder), "fp32")
    [logits] = paged_logits(backend, [Row(PROMPT, equal_chunks(len(PROMPT), chunk), BLOCK_TABLE)])
    np.testing.assert_allclose(logits, reference, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", ["qwen2", "llama"])
def test_transformers_reads_what_we_write(tmp_path: Path, kind: str, tied: bool) -> None:
    config = ModelConfig(kind, 160, 64, 112, 3, 8, 2, 8, 4096, tie_word_embeddings=tied, eos_token_ids=(2,))
    if kind == "llama":
        config = replace(config, rope_scaling=RopeScaling(original_max_position_embeddings=64))
    rng = np.random.default_rng(0)
    tensors = {
        name: rng.normal(1.0 if "norm" in name else 0.0, 0.2, shape) for name, shape in expected_tensors(config).items()
    }
    write_checkpoint(tmp_path, config, tensors, "bf16", max_shard_bytes=50_000)
    checkpoint = open_checkpoint(tmp_path)
    model = build_model(config)
    load_weights(model, checkpoint)
    logits = model(paddle.to_tensor([PROMPT])).numpy()[0]
    np.testing.assert_allclose(logits, reference_logits(tmp_path, PROMPT), rtol=0, atol=TOLERANCE)
