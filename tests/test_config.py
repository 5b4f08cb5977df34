from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.config import EngineConfig, ModelConfig, RopeScaling, ServerConfig
from sampan.errors import CheckpointError, ConfigError

QWEN: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "attention_dropout": 0.0,
    "bos_token_id": 3,
    "eos_token_id": 5,
    "hidden_act": "silu",
    "hidden_size": 1536,
    "initializer_range": 0.02,
    "intermediate_size": 8960,
    "max_position_embeddings": 131072,
    "max_window_layers": 21,
    "model_type": "qwen2",
    "num_attention_heads": 12,
    "num_hidden_layers": 28,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000,
    "sliding_window": 4096,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_mrope": False,
    "use_sliding_window": False,
    "vocab_size": 151936,
}
LLAMA3 = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}


def test_reads_the_config_of_a_distill() -> None:
    assert ModelConfig.from_dict(QWEN) == ModelConfig(
        model_type="qwen2",
        vocab_size=151936,
        hidden_size=1536,
        intermediate_size=8960,
        num_hidden_layers=28,
        num_attention_heads=12,
        num_key_value_heads=2,
        head_dim=128,
        attention_bias=True,
        bos_token_id=3,
        eos_token_ids=(5,),
    )


def test_qwen2_always_has_its_bias() -> None:
    config = ModelConfig.from_dict(QWEN)
    assert replace(config, attention_bias=False).attention_bias


def test_absent_keys_mean_what_hugging_face_means() -> None:
    keys = ("model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    config = ModelConfig.from_dict({**{key: QWEN[key] for key in keys}, "model_type": "llama", "eos_token_id": [1, 2]})
    assert (config.num_key_value_heads, config.head_dim, config.attention_bias) == (12, 128, False)
    assert (config.rope_theta, config.rope_scaling, config.bos_token_id, config.eos_token_ids) == (
        10000.0,
        None,
        None,
        (1, 2),
    )


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_theta": 500000.0, "rope_scaling": LLAMA3},
        {"rope_parameters": {**LLAMA3, "rope_theta": 500000.0}},
        {"rope_theta": 10000.0, "rope_parameters": {**LLAMA3, "rope_theta": 500000.0}},
    ],
)
def test_rope_is_read_from_old_and_new_keys(rope: dict[str, Any]) -> None:
    plain = {key: value for key, value in QWEN.items() if key != "rope_theta"}
    config = ModelConfig.from_dict({**plain, "model_type": "llama", **rope})
    assert config.rope_theta == 500000.0
    assert config.rope_scaling == RopeScaling()


@pytest.mark.parametrize("scaling", [None, {}, {"rope_type": "default"}, {"type": "default"}])
def test_no_scaling_has_many_spellings(scaling: Any) -> None:
    assert ModelConfig.from_dict({**QWEN, "rope_scaling": scaling}).rope_scaling is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gpt2"}, "model_type='gpt2' is out of range"),
        ({"vocab_size": None}, "vocab_size is missing"),
        ({"vocab_size": "many"}, "vocab_size='many' is not a whole number"),
        ({"vocab_size": 1.5}, "vocab_size=1.5 is not a whole number"),
        ({"vocab_size": True}, "vocab_size=True is not a whole number"),
        ({"hidden_size": 0}, "hidden_size=0 is out of range"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers=1000000000 is out of range"),
        ({"num_key_value_heads": 5}, "num_key_value_heads=5 is out of range"),
        ({"num_attention_heads": 0}, "num_attention_heads=0 is out of range"),
        ({"head_dim": 3}, "head_dim=3 is out of range"),
        ({"rms_norm_eps": 0}, "rms_norm_eps=0.0 is out of range"),
        ({"rms_norm_eps": float("nan")}, "rms_norm_eps=nan is out of range"),
        ({"rms_norm_eps": float("inf")}, "rms_norm_eps=inf is not a number"),
        ({"rope_theta": 10**400}, "is not a number"),
        ({"rope_theta": -1}, "rope_theta=-1.0 is out of range"),
        ({"bos_token_id": 151936}, "bos_token_id=151936 is out of range"),
        ({"eos_token_id": -1}, "eos_token_id=-1 is out of range"),
        ({"eos_token_id": [1, "2"]}, "eos_token_id='2' is not a whole number"),
        ({"use_sliding_window": True}, "use_sliding_window=True is not supported"),
        ({"hidden_act": "gelu"}, "hidden_act='gelu' is not supported"),
        ({"mlp_bias": True}, "mlp_bias=True is not supported"),
        ({"model_type": "llama", "attention_bias": True}, "attention_bias=True is out of range"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor=0.5 is not supported"),
        ({"tie_word_embeddings": "false"}, "tie_word_embeddings='false' is neither true nor false"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types=.* is not supported"),
        ({"rope_scaling": 7}, "rope_scaling=7 is not an object"),
        ({"rope_scaling": {"type": "yarn", "factor": 4.0}}, "rope_type='yarn' is not supported"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "low_freq_factor is missing"),
        ({"rope_scaling": {**LLAMA3, "rope_type": "linear"}}, "rope_type='linear' is not supported"),
        ({"rope_scaling": {**LLAMA3, "factor": 0.5}}, "rope_scaling.factor=0.5 is out of range"),
        ({"rope_scaling": {**LLAMA3, "low_freq_factor": 4.0}}, "rope_scaling.low_freq_factor=4.0 is out of range"),
        (
            {"rope_scaling": {**LLAMA3, "original_max_position_embeddings": 0}},
            "original_max_position_embeddings=0 is out",
        ),
    ],
)
def test_bad_values_name_file_field_and_remedy(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^m/config\.json: .*{message}") as caught:
        ModelConfig.from_dict({**QWEN, **change}, source="m/config.json")
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*LLAMA3, "rope_theta"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*QWEN, "rope_scaling", "rope_parameters", "head_dim"]), anything, max_size=3))
def test_any_config_is_read_or_refused(change: dict[str, Any]) -> None:
    try:
        config = ModelConfig.from_dict({**QWEN, **change})
    except ConfigError:
        return
    assert ModelConfig.from_dict(config.to_dict()) == config


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with pytest.raises(CheckpointError, match=r"config\.json does not exist"):
        ModelConfig.from_file(path)
    path.write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json is not readable JSON"):
        ModelConfig.from_file(path)
    path.write_text(json.dumps({**QWEN, "hidden_size": -1}))
    with pytest.raises(ConfigError, match=r"config\.json: hidden_size=-1"):
        ModelConfig.from_file(path)
    path.write_text(json.dumps(QWEN))
    assert ModelConfig.from_file(path) == ModelConfig.from_dict(QWEN)


def test_configurations_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        ModelConfig.from_dict(QWEN).vocab_size = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (EngineConfig, "block_size", 0),
        (EngineConfig, "num_blocks", 0),
        (EngineConfig, "max_model_len", -1),
        (ServerConfig, "port", 65536),
        (ServerConfig, "max_body_bytes", 1),
        (ServerConfig, "default_max_tokens", 0),
    ],
)
def test_limits_name_their_field(kind: type, field: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"^{field}={value} is out of range"):
        kind(**{field: value})
