"""Which matrix has which format."""

from __future__ import annotations

import pytest

from sampan.errors import ConfigError
from sampan.ptq import Recipe
from sampan.ptq.sensitivity import mean_bits, spend

ALL = [f"layers.{layer}.{name}" for layer in (0, 1) for name in ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")]


def wide(recipe: Recipe, source) -> dict[str, str]:
    """What is not in the scheme's format."""
    formats = recipe.formats(source.config)
    assert list(formats) == ALL
    return {name: format for name, format in formats.items() if format != recipe.scheme}


def test_int4_keeps_attention_and_int8_nothing(source):
    attention = {name: "int8" for name in ALL if name.endswith(("qkv_proj", "o_proj"))}
    assert wide(Recipe("int4"), source) == attention
    assert wide(Recipe("int8"), source) == {}
    assert wide(Recipe("int4", keep=()), source) == {}
    assert wide(Recipe("int4", max_bits=6.0), source) == {}, "bits are spent by measurement"


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("layers.1", dict.fromkeys(ALL[4:], "int8")),
        ("layers.1.down_proj=bf16", {"layers.1.down_proj": "bf16"}),
        ("down_proj", {"layers.0.down_proj": "int8", "layers.1.down_proj": "int8"}),
        ("layers.0.mlp", {"layers.0.gate_up_proj": "int8", "layers.0.down_proj": "int8"}),
        ("v_proj=bf16", {"layers.0.qkv_proj": "bf16", "layers.1.qkv_proj": "bf16"}),
    ],
)
def test_what_keep_means(source, keep, expected):
    assert wide(Recipe("int4", keep=(keep,)), source) == expected


@pytest.mark.parametrize("keep", ["layers.2", "mpl", "layers.0.down", "down_proj=fp16", "layers", ""])
def test_a_wrong_keep_says_what_is_right(source, keep):
    with pytest.raises(ConfigError) as caught:
        Recipe("int4", keep=(keep,)).formats(source.config)
    assert "layers.0" in caught.value.remedy


def test_int8_cannot_keep_int4(source):
    with pytest.raises(ConfigError, match="as wide as int8"):
        Recipe("int8", keep=("mlp=int4",)).formats(source.config)


@pytest.mark.parametrize(
    "fields", [{"scheme": "int3"}, {"method": "awq"}, {"max_layer_error": 0.0}, {"max_bits": 4.0}, {"max_bits": 17.0}]
)
def test_values_out_of_range_are_named(fields):
    with pytest.raises(ConfigError, match=next(iter(fields))):
        Recipe(**fields)


def test_bits_go_where_they_help_most(source):
    formats = Recipe("int4", keep=()).formats(source.config)
    damage = {name: {"int4": 0.1, "int8": 0.001, "bf16": 0.0} for name in ALL}
    damage["layers.1.o_proj"] = {"int4": 9.0, "int8": 0.002, "bf16": 0.0}
    chosen = spend(damage, formats, source.config, 5.5)
    assert chosen["layers.1.o_proj"] == "int8"
    assert mean_bits(chosen, source.config) <= 5.5
    assert spend(damage, formats, source.config, 16.0) == dict.fromkeys(ALL, "bf16")
    assert spend(damage, formats, source.config, 4.5) == formats
