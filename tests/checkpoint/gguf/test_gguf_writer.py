"""GGUF files that Sampan writes, as the `gguf` package reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Type

from sampan.checkpoint import open_checkpoint, write_gguf
from sampan.checkpoint.gguf.blocks import narrow_q8_0
from sampan.checkpoint.gguf.model import gguf_name
from sampan.checkpoint.gguf.reader import GgufFile
from sampan.errors import CheckpointError, ConfigError
from tiny_checkpoints import CONFIGS, ODD, QWEN, make_checkpoint


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


def test_q8_0_is_quantised_to_the_bit_as_the_gguf_package_does() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((4000, 32), np.float32) * np.exp2(rng.integers(-20, 12, (4000, 1))).astype(np.float32)
    values[7] = 0
    values[8] = np.linspace(-127, 127, 32, dtype=np.float32).round() / 2 + 0.25
    values[9, :] = 63.5
    np.testing.assert_array_equal(narrow_q8_0(values), gguf.quants.quantize(values, Type.Q8_0), strict=True)


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("dtype", ["q8_0", "bf16", "fp16", "fp32"])
def test_every_tensor_is_there_bit_for_bit(tmp_path: Path, kind: str, dtype: str) -> None:
    config = replace(CONFIGS[kind], bos_token_id=5, eos_token_ids=(6,))
    checkpoint = make_checkpoint(tmp_path / "model", config)
    seen: list[tuple[int, int]] = []
    write_gguf(tmp_path / "m.gguf", checkpoint, dtype, report=lambda done, total: seen.append((done, total)))
    reader = gguf.GGUFReader(tmp_path / "m.gguf")
    written = {tensor.name: tensor for tensor in reader.tensors}
    extra = {"rope_freqs.weight"} if config.rope_scaling else set()
    assert set(written) == {gguf_name(name) for name in checkpoint.names()} | extra
    matrices = Type[{"q8_0": "Q8_0", "bf16": "BF16", "fp16": "F16", "fp32": "F32"}[dtype]]
    again = open_checkpoint(tmp_path / "m.gguf")
    assert again.config == config
    for name in checkpoint.names():
        values, tensor = checkpoint.get(name), written[gguf_name(name)]
        stored = matrices if values.ndim == 2 and not (dtype == "q8_0" and values.shape[1] % 32) else Type.F16
        stored = Type.F32 if values.ndim == 1 else stored
        assert tensor.tensor_type == stored
        assert tuple(reversed(tensor.shape.tolist())) == values.shape
        wanted = gguf.quants.dequantize(gguf.quants.quantize(values, stored), stored)
        np.testing.assert_array_equal(again.get(name), wanted, strict=True)
    total = sum(int(tensor.n_bytes) for tensor in reader.tensors)
    assert seen[-1] == (total, total)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["m.gguf"]


def test_llamas_rows_lie_as_llama_cpp_wants_them(tmp_path: Path) -> None:
    config = CONFIGS["llama"]
    checkpoint = make_checkpoint(tmp_path / "model", config, "fp32")
    write_gguf(tmp_path / "m.gguf", checkpoint, "fp32")
    written = {tensor.name: tensor.data for tensor in gguf.GGUFReader(tmp_path / "m.gguf").tensors}
    rows, half = checkpoint.get("model.layers.1.self_attn.k_proj.weight"), config.head_dim // 2
    for row in range(len(rows)):
        head, place = divmod(row, config.head_dim)
        moved = head * config.head_dim + place % half * 2 + place // half
        np.testing.assert_array_equal(written["blk.1.attn_k.weight"][moved], rows[row])


def test_configuration(tmp_path: Path) -> None:
    config = replace(QWEN, bos_token_id=3, eos_token_ids=(4, 5), rms_norm_eps=1e-5, rope_theta=1e6)
    write_gguf(tmp_path / "m.gguf", make_checkpoint(tmp_path / "model", config), name="舢板")
    fields = gguf.GGUFReader(tmp_path / "m.gguf").fields
    assert {name: field.contents() for name, field in fields.items() if not name.startswith("GGUF.")} == {
        "general.architecture": "qwen2",
        "general.type": "model",
        "general.name": "舢板",
        "general.file_type": int(gguf.LlamaFileType.MOSTLY_Q8_0),
        "general.quantization_version": gguf.GGML_QUANT_VERSION,
        "general.alignment": 32,
        "qwen2.vocab_size": 50,
        "qwen2.context_length": 131072,
        "qwen2.embedding_length": 64,
        "qwen2.block_count": 2,
        "qwen2.feed_forward_length": 96,
        "qwen2.attention.head_count": 4,
        "qwen2.attention.head_count_kv": 2,
        "qwen2.attention.key_length": 24,
        "qwen2.attention.value_length": 24,
        "qwen2.attention.layer_norm_rms_epsilon": float(np.float32(1e-5)),
        "qwen2.rope.dimension_count": 24,
        "qwen2.rope.freq_base": 1e6,
        "tokenizer.ggml.model": "none",
        "tokenizer.ggml.bos_token_id": 3,
        "tokenizer.ggml.eos_token_id": 4,
    }


def test_keys_come_back_as_they_are(tmp_path: Path) -> None:
    keys = {
        "numbers": [0, 7, 2**32 - 1, -1, 2**40, -(2**40), 2**64 - 1, 0.5, 1e300, True],
        "arrays": [[1, -2], [2**31], [2**63], [0.5, 3.0], [1e300], ["a", "漢"], []],
    }
    texts = {f"{kind}.{i}": value for kind, values in keys.items() for i, value in enumerate(values)}
    write_gguf(tmp_path / "m.gguf", make_checkpoint(tmp_path / "model"), texts=texts)
    read = GgufFile(tmp_path / "m.gguf").keys
    assert {key: read[key] for key in texts} == texts
    fields = gguf.GGUFReader(tmp_path / "m.gguf").fields
    assert {key: fields[key].contents() for key in texts} == texts


def test_rows_that_are_no_whole_blocks_stay_floats(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", make_checkpoint(tmp_path / "model", ODD))
    kinds = {tensor.name: tensor.tensor_type for tensor in gguf.GGUFReader(tmp_path / "m.gguf").tensors}
    assert kinds["blk.0.ffn_up.weight"] == Type.F16
    open_checkpoint(tmp_path / "m.gguf")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e8])
def test_what_q8_0_cannot_hold_is_refused_and_nothing_is_left(tmp_path: Path, value: float) -> None:
    odd = np.zeros((64, 96), np.float32)
    odd[3, 5] = value
    checkpoint = make_checkpoint(tmp_path / "model", dtype="fp32", model__layers__0__mlp__down_proj__weight=odd)
    with pytest.raises(CheckpointError, match=r"'blk\.0\.ffn_down\.weight' has values beyond q8_0"):
        write_gguf(tmp_path / "m.gguf", checkpoint)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dtype='q4_k' is unknown"):
        write_gguf(tmp_path / "m.gguf", make_checkpoint(tmp_path / "model"), "q4_k")
