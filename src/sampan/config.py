"""Frozen, typed configurations. Bad values raise `ConfigError`, which names the field and the remedy.

`ModelConfig` keeps the keys of Hugging Face's `config.json`, so that a reader of either knows the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sampan.errors import CheckpointError, ConfigError

ARCHITECTURES = {"qwen2": "Qwen2ForCausalLM", "llama": "LlamaForCausalLM"}
REASONING_FORMATS = ("reasoning_content", "reasoning", "both", "none")


def _require(condition: bool, field_name: str, value: object, remedy: str) -> None:
    if not condition:
        raise ConfigError(f"{field_name}={value!r} is out of range", remedy=remedy)


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """Llama 3's frequency-dependent RoPE scaling (Llama 3.1 model card; `rope_type: llama3` of Hugging Face)."""

    factor: float = 8.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_max_position_embeddings: int = 8192
    rope_type: str = "llama3"

    def __post_init__(self) -> None:
        _require(self.rope_type == "llama3", "rope_scaling.rope_type", self.rope_type, "only 'llama3' is supported")
        _require(self.factor >= 1.0, "rope_scaling.factor", self.factor, "use a factor of at least 1")
        _require(
            0.0 < self.low_freq_factor < self.high_freq_factor,
            "rope_scaling.low_freq_factor",
            self.low_freq_factor,
            "it must lie between 0 and high_freq_factor",
        )


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Shape of a decoder-only transformer, in Hugging Face's names."""

    model_type: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int = 131072
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    rope_scaling: RopeScaling | None = None
    tie_word_embeddings: bool = False
    attention_bias: bool = False  # on q_proj, k_proj and v_proj; always on for Qwen2
    bos_token_id: int | None = None
    eos_token_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _require(
            self.model_type in ARCHITECTURES, "model_type", self.model_type, f"supported: {', '.join(ARCHITECTURES)}"
        )
        for name in (
            "vocab_size",
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
            "num_key_value_heads",
            "head_dim",
            "max_position_embeddings",
        ):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "it must be at least 1")
        _require(self.head_dim % 2 == 0, "head_dim", self.head_dim, "RoPE rotates pairs: it must be even")
        _require(
            self.num_attention_heads % self.num_key_value_heads == 0,
            "num_key_value_heads",
            self.num_key_value_heads,
            f"it must divide num_attention_heads={self.num_attention_heads}",
        )

    @property
    def num_query_groups(self) -> int:
        """Query heads that share one key-value head."""
        return self.num_attention_heads // self.num_key_value_heads

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, source: str = "config.json") -> ModelConfig:
        """Reads a parsed `config.json`. Keys that do not change the arithmetic are ignored; keys that would, and that
        Sampan does not implement, are refused.

        Raises:
            ConfigError: unsupported architecture or a value out of range; names the field.
        """
        missing = [
            key
            for key in ("model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers")
            + ("num_attention_heads",)
            if key not in data
        ]
        if missing:
            raise ConfigError(f"{source} lacks {', '.join(missing)}", remedy="use a complete Hugging Face config.json")
        model_type = str(data["model_type"])
        if data.get("use_sliding_window"):
            raise ConfigError(f"{source}: use_sliding_window=true is not supported", remedy="no R1 distill uses it")
        if data.get("hidden_act", "silu") != "silu":
            raise ConfigError(f"{source}: hidden_act={data['hidden_act']!r} is not supported", remedy="use silu")
        if data.get("mlp_bias"):
            raise ConfigError(f"{source}: mlp_bias=true is not supported", remedy="no R1 distill uses it")
        rope = dict(data.get("rope_scaling") or {})
        # transformers 5 writes rope_theta and the scaling into one `rope_parameters`.
        rope = dict(data.get("rope_parameters") or {}) or rope
        rope_theta = data.get("rope_theta", rope.pop("rope_theta", 10000.0))
        rope.pop("rope_theta", None)
        rope_type = rope.get("rope_type", rope.pop("type", "default"))
        eos = data.get("eos_token_id")
        eos_ids = tuple(eos) if isinstance(eos, (list, tuple)) else () if eos is None else (eos,)
        try:
            scaling = None
            if rope_type != "default":
                known = {f.name for f in fields(RopeScaling)}
                scaling = RopeScaling(**{key: value for key, value in {**rope, "rope_type": rope_type}.items() if key in known})
            heads = int(data["num_attention_heads"])
            return cls(
                model_type=model_type,
                vocab_size=int(data["vocab_size"]),
                hidden_size=int(data["hidden_size"]),
                intermediate_size=int(data["intermediate_size"]),
                num_hidden_layers=int(data["num_hidden_layers"]),
                num_attention_heads=heads,
                num_key_value_heads=int(data.get("num_key_value_heads") or heads),
                head_dim=int(data.get("head_dim") or int(data["hidden_size"]) // max(heads, 1)),
                max_position_embeddings=int(data.get("max_position_embeddings", 131072)),
                rms_norm_eps=float(data.get("rms_norm_eps", 1e-6)),
                rope_theta=float(rope_theta),
                rope_scaling=scaling,
                tie_word_embeddings=bool(data.get("tie_word_embeddings", False)),
                attention_bias=model_type == "qwen2" or bool(data.get("attention_bias", False)),
                bos_token_id=data.get("bos_token_id"),
                eos_token_ids=tuple(int(token) for token in eos_ids),
            )
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{source}: {error}", remedy="use a complete Hugging Face config.json") from error

    @classmethod
    def from_file(cls, path: Path) -> ModelConfig:
        """Reads `config.json`.

        Raises:
            CheckpointError: the file is absent or is not JSON.
            ConfigError: see `from_dict`.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise CheckpointError(
                f"{path} does not exist", remedy="give a folder in Hugging Face form, with config.json"
            ) from error
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path} is not readable JSON: {error}", remedy="fetch the file again") from error
        if not isinstance(data, dict):
            raise CheckpointError(f"{path} is not a JSON object", remedy="fetch the file again")
        return cls.from_dict(data, source=str(path))

    def to_dict(self) -> dict[str, Any]:
        """The same values as a Hugging Face `config.json`."""
        data: dict[str, Any] = {
            f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("rope_scaling", "eos_token_ids")
        }
        data["architectures"] = [ARCHITECTURES[self.model_type]]
        data["hidden_act"] = "silu"
        eos = self.eos_token_ids
        data["eos_token_id"] = eos[0] if len(eos) == 1 else list(eos) or None
        if self.rope_scaling is not None:
            data["rope_scaling"] = {f.name: getattr(self.rope_scaling, f.name) for f in fields(RopeScaling)}
        return data


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Limits of one engine.

    Args:
        block_size: tokens in a KV-cache block.
        num_blocks: KV-cache blocks; None lets the engine choose `max_num_seqs` contexts of moderate length.
        max_num_seqs: requests that may run at the same time.
        max_num_batched_tokens: tokens computed in one step, over all requests.
        max_num_waiting: requests that may wait before new ones are refused.
        max_model_len: prompt and answer together, in tokens; None takes the model's own limit.
        enable_prefix_caching: share the KV blocks of equal prompt beginnings.
    """

    block_size: int = 16
    num_blocks: int | None = None
    max_num_seqs: int = 64
    max_num_batched_tokens: int = 512
    max_num_waiting: int = 1024
    max_model_len: int | None = None
    enable_prefix_caching: bool = True

    def __post_init__(self) -> None:
        for name in ("block_size", "max_num_seqs", "max_num_batched_tokens", "max_num_waiting"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "it must be at least 1")
        for name in ("num_blocks", "max_model_len"):
            value = getattr(self, name)
            _require(value is None or value >= 1, name, value, "it must be at least 1")


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where and how the HTTP server answers.

    Args:
        served_model_name: the `id` in `/v1/models` and in answers.
        default_max_tokens: tokens of an answer where the request says nothing; None means up to the context's end.
        max_body_bytes: larger request bodies are refused before they are read whole.
        aliases: other names that requests may use for the same model.
        model_license: shown in `/v1/models`.
        reasoning_format: where thought goes in chat answers, one of `REASONING_FORMATS`: the field `reasoning_content`, the
            field `reasoning`, `both` fields, or `none` (left in `content` between `<think>` and `</think>`).
        allow_remote: permits an address that other machines can reach.
        allowed_hosts: names besides the loopback ones that a `Host` header may carry; beyond loopback, where this is empty,
            every name is accepted.
        ping_interval_seconds: a stream that is silent this long gets an SSE comment.
        body_timeout_seconds: a request body must have arrived within this time.
        drain_timeout_seconds: at shutdown, open answers may take this long.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    served_model_name: str = "sampan-tiny"
    default_max_tokens: int | None = None
    max_body_bytes: int = 4 * 1024 * 1024
    aliases: tuple[str, ...] = field(default=())
    model_license: str = ""
    reasoning_format: str = "reasoning_content"
    allow_remote: bool = False
    allowed_hosts: tuple[str, ...] = field(default=())
    ping_interval_seconds: float = 15.0
    body_timeout_seconds: float = 30.0
    drain_timeout_seconds: float = 300.0

    def __post_init__(self) -> None:
        _require(
            self.reasoning_format in REASONING_FORMATS,
            "reasoning_format",
            self.reasoning_format,
            f"use one of {', '.join(REASONING_FORMATS)}",
        )
        for name in ("ping_interval_seconds", "body_timeout_seconds", "drain_timeout_seconds"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "it must be above 0")
        _require(0 <= self.port <= 65535, "port", self.port, "use 0 (any free port) to 65535")
        _require(self.max_body_bytes >= 1024, "max_body_bytes", self.max_body_bytes, "use at least 1024")
        _require(
            self.default_max_tokens is None or self.default_max_tokens >= 1,
            "default_max_tokens",
            self.default_max_tokens,
            "it must be at least 1",
        )
