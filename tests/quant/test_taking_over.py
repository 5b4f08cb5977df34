"""Weights that are integers already: packed without a second rounding, in the format that holds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import numpy_packer
from random_model import MemoryCheckpoint, random_checkpoint
from sampan.checkpoint import CodedTensor, RawTensor
from sampan.config import ModelConfig
from sampan.quant import pack_model
from sampan.quant.taking_over import fits, formats_of

CONFIG = ModelConfig(
    model_type="qwen2",
    vocab_size=96,
    hidden_size=64,
    intermediate_size=192,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    max_position_embeddings=256,
    tie_word_embeddings=False,
)


class CodedCheckpoint(MemoryCheckpoint):
    """Its layers' matrices are codes of some bits, and what `floats` names is bf16."""

    def __init__(self, config: ModelConfig, bits: int, group_size: int, floats: tuple[str, ...] = ()) -> None:
        checkpoint = random_checkpoint(config)
        super().__init__(config, {name: checkpoint.get(name) for name in checkpoint.names()})
        self._coded: dict[str, CodedTensor] = {}
        rng = np.random.default_rng(0)
        self._floats = floats
        for name, values in self._tensors.items():
            if not name.endswith("proj.weight") or name.endswith(floats):
                continue
            n, k = values.shape
            size = group_size or k
            codes = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (n, k), np.int8)
            scales = rng.normal(size=(n, k // size)).astype(np.float16)
            self._tensors[name] = codes * scales.astype(np.float32).repeat(size, axis=1)
            self._coded[name] = CodedTensor(
                bits, size, (n, k), lambda begin, end, c=codes, s=scales: (c[begin:end], s[begin:end]), Path("memory")
            )

    def coded(self, name: str) -> CodedTensor | None:
        return self._coded.get(name)

    def raw(self, name: str) -> RawTensor:
        raw = super().raw(name)
        if name not in self._coded and name.endswith(self._floats or ("none",)):
            bits = (self._tensors[name].view(np.uint32) >> 16).astype(np.uint16)
            return RawTensor("bf16", raw.shape, lambda begin, end: bits[begin:end], raw.file)
        return raw


@pytest.mark.parametrize(
    ("bits", "group_size", "format"), [(4, 32, "int4"), (4, 0, "int4"), (5, 64, "int8"), (8, 0, "int8")]
)
def test_what_is_packed_is_what_is_stored(bits: int, group_size: int, format: str) -> None:
    checkpoint = CodedCheckpoint(CONFIG, bits, group_size)
    model = pack_model(checkpoint, "auto")
    assert model.precision == format
    for matrix, sources in {
        "qkv_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "o_proj": ("self_attn.o_proj",),
        "gate_up_proj": ("mlp.gate_proj", "mlp.up_proj"),
        "down_proj": ("mlp.down_proj",),
    }.items():
        values = np.concatenate([checkpoint.get(f"model.layers.1.{source}.weight") for source in sources])
        name = f"layers.1.{matrix}"
        assert model.formats[name] == format
        packed = numpy_packer.unpack(model.tensors[name + ".codes"], model.tensors[name + ".scales"], len(values))
        assert np.array_equal(packed, values)


def test_a_wider_format_takes_codes_over_too() -> None:
    checkpoint = CodedCheckpoint(CONFIG, 4, 32)
    model, name = pack_model(checkpoint, "int8"), "layers.0.down_proj"
    values = checkpoint.get("model.layers.0.mlp.down_proj.weight")
    packed = numpy_packer.unpack(model.tensors[name + ".codes"], model.tensors[name + ".scales"], len(values))
    assert np.array_equal(packed, values)


def test_the_format_is_the_narrowest_that_holds_all_sources() -> None:
    def formats(*arguments: object) -> dict[str, str]:
        return formats_of(CodedCheckpoint(CONFIG, *arguments), "auto")[1]

    assert formats(4, 32)["lm_head"] == "int8"
    assert formats(4, 32)["embed_tokens"] == "bf16"
    assert formats(4, 32, ("down_proj.weight",))["layers.0.down_proj"] == "bf16"
    assert formats(4, 32, ("k_proj.weight",))["layers.0.qkv_proj"] == "int8"
    assert formats(4, 32, ("k_proj.weight",))["layers.0.o_proj"] == "int4"
    assert formats_of(random_checkpoint(CONFIG), "auto") == formats_of(random_checkpoint(CONFIG), "int8")
    assert formats_of(CodedCheckpoint(CONFIG, 4, 32), "fp32")[1]["layers.0.down_proj"] == "fp32"


def test_groups_that_cut_the_kernels_groups_are_quantised_anew() -> None:
    def tensor(bits: int, group_size: int) -> CodedTensor:
        none = np.empty((0, 96), np.int8), np.empty((0, 96 // group_size), np.float16)
        return CodedTensor(bits, group_size, (0, 96), lambda begin, end: none, Path("memory"))

    assert fits(tensor(4, 32), "int4")
    assert fits(tensor(4, 96), "int8")
    assert not fits(tensor(4, 16), "int4")
    assert not fits(tensor(5, 32), "int4")
    assert not fits(tensor(4, 32), "bf16")
