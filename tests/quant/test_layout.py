"""Which tensors a packed model has and where they lie, for every model of the zoo."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sampan import _native
from sampan.checkpoint.shapes import expected_tensors
from sampan.config import ModelConfig
from sampan.errors import CheckpointError, ConfigError
from sampan.quant import PRECISIONS
from sampan.quant.layout import GROUP_SIZE, PADDING, PANEL, choose_formats, lay_out, parts_of
from sampan.zoo import ZOO, find

MODELS = [entry.config for entry in ZOO if entry.config is not None]


def shapes(config: ModelConfig, precision: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    entries = lay_out(parts_of(config, choose_formats(config, precision)))
    return {name: (entry.dtype.name, entry.shape) for name, entry in entries.items()}


def test_the_kernels_have_the_same_panels_and_groups() -> None:
    assert (PANEL, GROUP_SIZE) == (_native.PANEL, _native.GROUP_SIZE)


def test_shapes_of_a_known_model() -> None:
    config = find("r1-1.5b").config
    assert config is not None
    found = shapes(config, "int4")
    assert {name: shape for name, shape in found.items() if not name.startswith("layers.")} == {
        "embed_tokens.codes": ("bf16", (151936, 1536)),
        "norm": ("fp32", (1536,)),
        "lm_head.codes": ("uint8", (9496, 384, 16, 4)),
        "lm_head.scales": ("fp16", (9496, 48, 16)),
    }
    assert {name[10:]: shape for name, shape in found.items() if name.startswith("layers.27.")} == {
        "input_layernorm": ("fp32", (1536,)),
        "qkv_proj.codes": ("uint8", (128, 384, 16, 4)),
        "qkv_proj.scales": ("fp16", (128, 48, 16)),
        "qkv_proj.bias": ("fp32", (2048,)),
        "o_proj.codes": ("uint8", (96, 384, 16, 4)),
        "o_proj.scales": ("fp16", (96, 48, 16)),
        "post_attention_layernorm": ("fp32", (1536,)),
        "gate_up_proj.codes": ("uint8", (1120, 192, 16, 4)),
        "gate_up_proj.scales": ("fp16", (1120, 48, 16)),
        "down_proj.codes": ("uint8", (96, 1120, 16, 4)),
        "down_proj.scales": ("fp16", (96, 280, 16)),
    }
    assert shapes(config, "bf16")["layers.0.down_proj.codes"] == ("bf16", (96, 8960, 16))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("config", MODELS, ids=lambda config: f"{config.model_type}-{config.hidden_size}")
def test_every_model_of_the_zoo(config: ModelConfig, precision: str) -> None:
    parts = parts_of(config, choose_formats(config, precision))
    sources = [source for part in parts for source in part.sources]
    assert sorted(sources) == sorted(expected_tensors(config))  # each once; none of them is tied
    entries = lay_out(parts)
    assert all(entry.begin % 64 == 0 for name, entry in entries.items() if not name.startswith(PADDING))
    end = 0
    for entry in entries.values():
        assert entry.begin == end
        end = entry.end
    bits = {"int8": 8.5, "int4": 4.5, "bf16": 16, "fp16": 16, "fp32": 32}[precision]
    outer_bits = max(bits, 8.5)  # of attention and output
    embedding = config.vocab_size * config.hidden_size
    mlp = 3 * config.num_hidden_layers * config.hidden_size * config.intermediate_size
    others = config.num_parameters - embedding - mlp
    assert end == pytest.approx((max(bits, 16) * embedding + bits * mlp + outer_bits * others) / 8, rel=1e-3)


def test_what_does_not_fill_a_line_is_padded() -> None:
    config = replace(MODELS[0], hidden_size=32, vocab_size=7, bos_token_id=None, eos_token_ids=())
    formats = {**choose_formats(config, "int8"), "embed_tokens": "int8"}
    entries = lay_out(parts_of(config, formats))
    assert [entries[name].shape for name in ("embed_tokens.codes", "padding.0")] == [(7, 32), (32,)]
    assert [entries[name].shape for name in ("embed_tokens.scales", "padding.1")] == [(7, 1), (50,)]
    assert all(entry.begin % 64 == 0 for name, entry in entries.items() if not name.startswith(PADDING))


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_rows_without_whole_groups_are_refused(precision: str) -> None:
    config = replace(MODELS[0], intermediate_size=48)
    with pytest.raises(CheckpointError, match=r"'model\.layers\.0\.mlp\.down_proj\.weight' has rows of 48 values"):
        parts_of(config, choose_formats(config, precision))
    parts_of(config, choose_formats(config, "bf16"))


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ConfigError, match="precision='int3' is not known"):
        choose_formats(MODELS[0], "int3")
