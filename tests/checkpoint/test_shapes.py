from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sampan.checkpoint import expected_tensors, open_checkpoint, write_checkpoint, write_safetensors
from sampan.config import ModelConfig
from sampan.errors import CheckpointError

Tensors = dict[str, np.ndarray]


def write(folder: Path, config: ModelConfig, tensors: Tensors, dtype: str = "fp32") -> Path:
    """A folder whose weights need not fit its configuration."""
    sound = {name: np.zeros(shape, np.float32) for name, shape in expected_tensors(config).items()}
    write_checkpoint(folder, config, sound)
    write_safetensors(folder / "model.safetensors", tensors, dtype)
    return folder


def test_names_and_shapes_of_qwen2(config: ModelConfig) -> None:
    layer = {
        "input_layernorm.weight": (8,),
        "self_attn.q_proj.weight": (8, 8),
        "self_attn.q_proj.bias": (8,),
        "self_attn.k_proj.weight": (4, 8),
        "self_attn.k_proj.bias": (4,),
        "self_attn.v_proj.weight": (4, 8),
        "self_attn.v_proj.bias": (4,),
        "self_attn.o_proj.weight": (8, 8),
        "post_attention_layernorm.weight": (8,),
        "mlp.gate_proj.weight": (12, 8),
        "mlp.up_proj.weight": (12, 8),
        "mlp.down_proj.weight": (8, 12),
    }
    assert expected_tensors(config) == {
        "model.embed_tokens.weight": (32, 8),
        **{f"model.layers.{i}.{name}": shape for i in range(2) for name, shape in layer.items()},
        "model.norm.weight": (8,),
        "lm_head.weight": (32, 8),
    }


def test_llama_has_no_bias_and_tying_takes_the_output_away(config: ModelConfig) -> None:
    llama = expected_tensors(replace(config, model_type="llama", attention_bias=False, tie_word_embeddings=True))
    assert set(expected_tensors(config)) - set(llama) == {
        "lm_head.weight",
        *(f"model.layers.{i}.self_attn.{name}_proj.bias" for i in range(2) for name in "qkv"),
    }


def test_heads_may_be_wider_than_the_hidden_size(config: ModelConfig) -> None:
    shapes = expected_tensors(replace(config, head_dim=6))
    assert shapes["model.layers.1.self_attn.q_proj.weight"] == (24, 8)
    assert shapes["model.layers.1.self_attn.v_proj.bias"] == (12,)
    assert shapes["model.layers.1.self_attn.o_proj.weight"] == (8, 24)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model.norm.weight": None}, r"/m lacks the tensor 'model\.norm\.weight'"),
        (
            {"model.norm.weight": None, "model.layers.1.mlp.up_proj.weight": None},
            r"/m lacks the tensor 'model\.layers\.1\.mlp\.up_proj\.weight' and 1 more",
        ),
        (
            {"model.layers.2.x": np.zeros(1)},
            r"/m/model\.safetensors: tensor 'model\.layers\.2\.x' is not part of this model",
        ),
        (
            {"model.layers.0.mlp.up_proj.weight": np.zeros((8, 12))},
            r"'model\.layers\.0\.mlp\.up_proj\.weight' has shape \[8, 12\], the model needs \[12, 8\]",
        ),
        (
            {"model.norm.weight": np.zeros(8, np.int8)},
            r"model\.safetensors: tensor 'model\.norm\.weight' is stored as int8",
        ),
    ],
)
def test_deviations_name_file_and_tensor(
    tmp_path: Path, config: ModelConfig, tensors: Tensors, change, message
) -> None:
    changed = {name: array for name, array in {**tensors, **change}.items() if array is not None}
    with pytest.raises(CheckpointError, match=message) as caught:
        open_checkpoint(write(tmp_path / "m", config, changed))
    assert caught.value.remedy


def test_stored_rotary_frequencies_are_tolerated(tmp_path: Path, config: ModelConfig, tensors: Tensors) -> None:
    frequencies = {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": np.ones(1, np.float32) for i in range(2)}
    open_checkpoint(write(tmp_path / "m", config, {**tensors, **frequencies}))


def test_a_tied_output_may_be_stored_if_it_is_equal(tmp_path: Path, tied_config: ModelConfig, tensors: Tensors) -> None:
    tied = dict(tensors)
    del tied["lm_head.weight"]
    open_checkpoint(write(tmp_path / "m", tied_config, tied))
    tied["lm_head.weight"] = tied["model.embed_tokens.weight"]
    open_checkpoint(write(tmp_path / "m", tied_config, tied))
    with pytest.raises(CheckpointError, match=r"'lm_head\.weight' differs from 'model\.embed_tokens\.weight'"):
        open_checkpoint(write(tmp_path / "m", tied_config, tensors))
    tied["lm_head.weight"] = tied["model.embed_tokens.weight"].T
    with pytest.raises(CheckpointError, match=r"'lm_head\.weight' has shape \[8, 32\], the model needs \[32, 8\]"):
        open_checkpoint(write(tmp_path / "m", tied_config, tied))


def test_a_damaged_last_row_of_a_large_tied_output_is_found(tmp_path: Path, tied_config: ModelConfig) -> None:
    config = replace(tied_config, vocab_size=2500)
    tied = {name: np.ones(shape, np.float32) for name, shape in expected_tensors(config).items()}
    tied["lm_head.weight"] = tied["model.embed_tokens.weight"].copy()
    tied["lm_head.weight"][-1, -1] = 2
    with pytest.raises(CheckpointError, match="differs"):
        open_checkpoint(write(tmp_path / "m", config, tied))
