"""The exporter against the reader of the `gguf` package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sampan.checkpoint import expected_tensors, open_checkpoint, write_checkpoint
from sampan.checkpoint.dtypes import to_float32
from sampan.config import ModelConfig, RopeScaling
from sampan.errors import ConfigError

gguf = pytest.importorskip("gguf", reason="needs the package `gguf` (dependency group `test`)")
from benchmarks.gguf_export import export_gguf  # noqa: E402

from sampan.checkpoint.gguf_model import gguf_name  # noqa: E402

CONFIG = ModelConfig(
    model_type="qwen2",
    vocab_size=40,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    max_position_embeddings=128,
    rope_theta=1e6,
    bos_token_id=35,
    eos_token_ids=(34,),
)
TOKENIZER = {
    "model": {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]},
    "added_tokens": [
        {"id": 34, "content": "<end>", "special": True},
        {"id": 36, "content": "<think>", "special": False},
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    tensors = {name: random.normal(size=shape).astype(np.float32) for name, shape in expected_tensors(CONFIG).items()}
    write_checkpoint(tmp_path / "model", CONFIG, tensors)
    return tmp_path / "model"


def exported(folder: Path) -> gguf.GGUFReader:
    target = folder.parent / "model.gguf"
    export_gguf(folder, target)
    return gguf.GGUFReader(target)


def value(reader: gguf.GGUFReader, key: str) -> object:
    return reader.fields[key].contents()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.embed_tokens.weight", "token_embd.weight"),
        ("model.layers.27.self_attn.k_proj.bias", "blk.27.attn_k.bias"),
        ("model.layers.0.post_attention_layernorm.weight", "blk.0.ffn_norm.weight"),
        ("model.norm.weight", "output_norm.weight"),
        ("lm_head.weight", "output.weight"),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert gguf_name(name) == expected


def test_every_tensor_is_there_bit_for_bit(folder: Path) -> None:
    checkpoint, reader = open_checkpoint(folder), exported(folder)
    written = {tensor.name: tensor for tensor in reader.tensors}
    assert set(written) == {gguf_name(name) for name in checkpoint.names()}
    for name in checkpoint.names():
        raw, tensor = checkpoint.raw(name), written[gguf_name(name)]
        assert tuple(reversed(tensor.shape.tolist())) == raw.shape
        if len(raw.shape) == 1:
            assert tensor.tensor_type == gguf.GGMLQuantizationType.F32
            assert np.array_equal(tensor.data, to_float32(raw.data, raw.dtype))
        else:
            assert tensor.tensor_type == gguf.GGMLQuantizationType.BF16
            assert tensor.data.tobytes() == raw.data.tobytes()


def test_configuration(folder: Path) -> None:
    reader = exported(folder)
    expected = {
        "block_count": 2,
        "context_length": 128,
        "embedding_length": 64,
        "feed_forward_length": 96,
        "attention.head_count": 4,
        "attention.head_count_kv": 2,
        "attention.key_length": 16,
        "attention.value_length": 16,
        "rope.dimension_count": 16,
        "rope.freq_base": 1e6,
        "attention.layer_norm_rms_epsilon": float(np.float32(1e-6)),
    }
    assert value(reader, "general.architecture") == "qwen2"
    assert {key: value(reader, f"qwen2.{key}") for key in expected} == expected


def test_without_a_tokenizer_only_the_number_of_tokens_is_known(folder: Path) -> None:
    reader = exported(folder)
    assert value(reader, "tokenizer.ggml.model") == "none"
    assert value(reader, "qwen2.vocab_size") == 40


def test_every_row_of_the_output_has_a_token(folder: Path) -> None:
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    reader = exported(folder)
    tokens, types = value(reader, "tokenizer.ggml.tokens"), value(reader, "tokenizer.ggml.token_type")
    assert tokens == ["a", "b", "ab", *(f"[PAD{i}]" for i in range(3, 34)), "<end>", "[PAD35]", "<think>"] + [
        f"[PAD{i}]" for i in range(37, 40)
    ]
    kinds = gguf.TokenType
    assert types == [kinds.NORMAL] * 3 + [kinds.UNUSED] * 31 + [kinds.CONTROL, kinds.UNUSED, kinds.USER_DEFINED] + (
        [kinds.UNUSED] * 3
    )
    assert value(reader, "tokenizer.ggml.merges") == ["a b"]
    assert value(reader, "tokenizer.ggml.bos_token_id") == 35
    assert value(reader, "tokenizer.ggml.eos_token_id") == 34


def test_a_model_of_another_kind_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    config = ModelConfig("llama", 40, 64, 96, 1, 4, 2, 16, rope_scaling=RopeScaling())
    tensors = {name: np.ones(shape, np.float32) for name, shape in expected_tensors(config).items()}
    write_checkpoint(tmp_path / "model", config, tensors)
    with pytest.raises(ConfigError, match="llama cannot be exported"):
        export_gguf(tmp_path / "model", tmp_path / "model.gguf")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
