"""Frozen, typed configurations. Bad values raise `ConfigError`, which names the field and the remedy.

`ModelConfig` keeps the keys of Hugging Face's `config.json`, so that a reader of either knows the other.
"""

from __future__ import annotations

import math
import re
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sampan.errors import ConfigError
from sampan.strict_json import read_json_object

ARCHITECTURES = {"qwen2": "Qwen2ForCausalLM", "llama": "LlamaForCausalLM"}
MAX_WORKERS = 64
SPECULATIONS = ("ngram", "off")
ANY_ORIGIN = "*"
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)  # as browsers write it
METRICS_ALIASES = ("", "vllm")
REASONING_FORMATS = ("reasoning_content", "reasoning", "both", "none", "deepseek", "deepseek-legacy")

# Far above every real model. A config.json that lies must not make us allocate before a weight file contradicts it.
SIZE_LIMITS = {
    "vocab_size": 2**22,
    "hidden_size": 2**17,
    "intermediate_size": 2**19,
    "num_hidden_layers": 2**10,
    "num_attention_heads": 2**12,
    "num_key_value_heads": 2**12,
    "head_dim": 2**12,
    "max_position_embeddings": 2**26,
}
MAX_CONFIG_BYTES = 1_000_000
COMPLETE = "use a complete Hugging Face config.json"
UNUSED = "no R1 distill uses it"

# Keys of config.json that change the arithmetic, with the one value that Sampan computes.
IMPLEMENTED = {
    "hidden_act": "silu",
    "mlp_bias": False,
    "partial_rotary_factor": 1.0,
    "use_sliding_window": False,
}


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
        _require(1.0 <= self.factor < math.inf, "rope_scaling.factor", self.factor, "use a factor of at least 1")
        _require(
            0.0 < self.low_freq_factor < self.high_freq_factor,
            "rope_scaling.low_freq_factor",
            self.low_freq_factor,
            "it must lie between 0 and high_freq_factor",
        )
        _require(
            1 <= self.original_max_position_embeddings <= SIZE_LIMITS["max_position_embeddings"],
            "rope_scaling.original_max_position_embeddings",
            self.original_max_position_embeddings,
            "use the context length of the unscaled model",
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
        supported = f"supported: {', '.join(ARCHITECTURES)}"
        _require(self.model_type in ARCHITECTURES, "model_type", self.model_type, supported)
        if self.model_type == "qwen2":
            object.__setattr__(self, "attention_bias", True)
        # Hugging Face's Llama would put a bias on o_proj as well, and no R1 distill has one.
        unbiased = self.model_type == "qwen2" or not self.attention_bias
        _require(unbiased, "attention_bias", True, "only Qwen2 has a bias")
        for name, limit in SIZE_LIMITS.items():
            value = getattr(self, name)
            _require(1 <= value <= limit, name, value, f"use 1 to {limit}")
        _require(self.head_dim % 2 == 0, "head_dim", self.head_dim, "RoPE rotates pairs: it must be even")
        _require(
            self.num_attention_heads % self.num_key_value_heads == 0,
            "num_key_value_heads",
            self.num_key_value_heads,
            f"it must divide num_attention_heads={self.num_attention_heads}",
        )
        _require(0.0 < self.rms_norm_eps < 1.0, "rms_norm_eps", self.rms_norm_eps, "use a small positive number")
        _require(1.0 < self.rope_theta < math.inf, "rope_theta", self.rope_theta, "use a finite base above 1")
        in_vocabulary = f"use an id below vocab_size={self.vocab_size}"
        for token in () if self.bos_token_id is None else (self.bos_token_id,):
            _require(0 <= token < self.vocab_size, "bos_token_id", token, in_vocabulary)
        for token in self.eos_token_ids:
            _require(0 <= token < self.vocab_size, "eos_token_id", token, in_vocabulary)

    @property
    def num_query_groups(self) -> int:
        """Query heads that share one key-value head."""
        return self.num_attention_heads // self.num_key_value_heads

    @property
    def num_parameters(self) -> int:
        """Weights of the whole model; a tied output matrix counts once."""
        query_size, kv_size = self.num_attention_heads * self.head_dim, self.num_key_value_heads * self.head_dim
        attention = 2 * self.hidden_size * (query_size + kv_size)
        biases = query_size + 2 * kv_size if self.attention_bias else 0
        layer = attention + biases + 3 * self.hidden_size * self.intermediate_size + 2 * self.hidden_size
        embeddings = self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)
        return embeddings + self.num_hidden_layers * layer + self.hidden_size

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, source: str = "config.json") -> ModelConfig:
        """Reads a parsed `config.json`. Keys that do not change the arithmetic are ignored; keys that would, and that
        Sampan does not implement, are refused.

        Raises:
            ConfigError: unsupported architecture or a value out of range; names `source` and the field.
        """
        try:
            return cls._from_dict(data)
        except ConfigError as error:
            raise ConfigError(f"{source}: {error.message}", remedy=error.remedy) from None

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> ModelConfig:
        for key, implemented in IMPLEMENTED.items():
            if data.get(key) is not None and data[key] != implemented:
                raise ConfigError(f"{key}={reprlib.repr(data[key])} is not supported", remedy=UNUSED)
        kinds = data.get("layer_types") or []
        if not isinstance(kinds, list) or any(kind != "full_attention" for kind in kinds):
            raise ConfigError(f"layer_types={reprlib.repr(kinds)} is not supported", remedy=UNUSED)
        rope_theta, rope_scaling = _read_rope(data)
        heads = _whole(data, "num_attention_heads")
        hidden_size = _whole(data, "hidden_size")
        eos = data.get("eos_token_id")
        eos_ids = eos if isinstance(eos, list) else [] if eos is None else [eos]
        return cls(
            model_type=str(data.get("model_type")),
            vocab_size=_whole(data, "vocab_size"),
            hidden_size=hidden_size,
            intermediate_size=_whole(data, "intermediate_size"),
            num_hidden_layers=_whole(data, "num_hidden_layers"),
            num_attention_heads=heads,
            num_key_value_heads=_whole(data, "num_key_value_heads", heads),
            head_dim=_whole(data, "head_dim", hidden_size // max(heads, 1)),
            max_position_embeddings=_whole(data, "max_position_embeddings", 131072),
            rms_norm_eps=_real(data, "rms_norm_eps", 1e-6),
            rope_theta=rope_theta,
            rope_scaling=rope_scaling,
            tie_word_embeddings=_flag(data, "tie_word_embeddings"),
            attention_bias=_flag(data, "attention_bias"),
            bos_token_id=None if data.get("bos_token_id") is None else _whole(data, "bos_token_id"),
            eos_token_ids=tuple(_whole({"eos_token_id": token}, "eos_token_id") for token in eos_ids),
        )

    @classmethod
    def from_file(cls, path: Path) -> ModelConfig:
        """Reads `config.json`.

        Raises:
            CheckpointError: the file is absent or is not a JSON object.
            ConfigError: see `from_dict`.
        """
        return cls.from_dict(read_json_object(path, MAX_CONFIG_BYTES), source=str(path))

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


def _value(data: Mapping[str, Any], key: str, default: float | None) -> Any:
    value = default if data.get(key) is None else data[key]
    if value is None:
        raise ConfigError(f"{key} is missing", remedy=COMPLETE)
    return value


def _whole(data: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = _value(data, key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{key}={reprlib.repr(value)} is not a whole number", remedy=COMPLETE)
    return int(value)


def _real(data: Mapping[str, Any], key: str, default: float | None = None) -> float:
    value = _value(data, key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > sys.float_info.max:
        raise ConfigError(f"{key}={reprlib.repr(value)} is not a number", remedy=COMPLETE)
    return float(value)


def _flag(data: Mapping[str, Any], key: str) -> bool:
    value = data.get(key) or False
    if not isinstance(value, bool):
        raise ConfigError(f"{key}={reprlib.repr(value)} is neither true nor false", remedy=COMPLETE)
    return value


def _read_rope(data: Mapping[str, Any]) -> tuple[float, RopeScaling | None]:
    """`rope_theta` and the scaling, from two keys (transformers 4) or from `rope_parameters` (transformers 5)."""
    rope: dict[str, Any] = {"rope_theta": data.get("rope_theta")}
    for key in ("rope_scaling", "rope_parameters"):
        value = data.get(key) or {}
        if not isinstance(value, dict):
            raise ConfigError(f"{key}={reprlib.repr(value)} is not an object", remedy=COMPLETE)
        rope.update(value)
    theta = _real(rope, "rope_theta", 10000.0)
    rope_type = rope.get("rope_type") or rope.get("type") or "default"
    if rope_type == "default":
        return theta, None
    if rope_type != "llama3":
        raise ConfigError(f"rope_type={reprlib.repr(rope_type)} is not supported", remedy=UNUSED)
    return theta, RopeScaling(
        factor=_real(rope, "factor"),
        low_freq_factor=_real(rope, "low_freq_factor"),
        high_freq_factor=_real(rope, "high_freq_factor"),
        original_max_position_embeddings=_whole(rope, "original_max_position_embeddings"),
    )


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Limits of one engine.

    Args:
        block_size: tokens in a KV-cache block.
        num_blocks: KV-cache blocks; None lets the engine choose `max_num_seqs` contexts of moderate length.
        max_num_seqs: requests that may run at the same time.
        max_num_batched_tokens: tokens computed in one step, over all requests.
        max_num_waiting: requests that may wait, when as many run as may, before new ones are refused.
        max_num_waiting_tokens: tokens that their prompts may have together.
        max_model_len: prompt and answer together, in tokens; None takes the model's own limit.
        enable_prefix_caching: share the KV blocks of equal prompt beginnings.
        speculation: `ngram` drafts tokens that followed the last ones earlier in the text and verifies several at once
            where that pays; `off` does not. The tokens are the same.
    """

    block_size: int = 16
    num_blocks: int | None = None
    max_num_seqs: int = 64
    max_num_batched_tokens: int = 512
    max_num_waiting: int = 1024
    max_num_waiting_tokens: int = 131072
    max_model_len: int | None = None
    enable_prefix_caching: bool = True
    speculation: str = "ngram"

    def __post_init__(self) -> None:
        known = f"use one of {', '.join(SPECULATIONS)}"
        _require(self.speculation in SPECULATIONS, "speculation", self.speculation, known)
        counts = ("block_size", "max_num_seqs", "max_num_batched_tokens", "max_num_waiting", "max_num_waiting_tokens")
        for name in counts:
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
        reasoning_format: where thought goes in chat answers, one of `REASONING_FORMATS`: the field `reasoning_content`,
            the field `reasoning`, `both` fields, or `none` (left in `content` between `<think>` and `</think>`);
            llama.cpp's `deepseek` is the first of them, and its `deepseek-legacy` the first and the last at once.
        default_chat_template_kwargs: variables for the chat template where a request says nothing of them, such as
            `enable_thinking`.
        api_key_file: hashed keys, see `sampan.server.security.keys`; empty for none.
        api_key_sha256: of one more key, which may do everything; in hexadecimal, empty for none.
        allow_remote: permits an address that other machines can reach where there are no API keys.
        allowed_hosts: names besides the loopback ones that a `Host` header may carry; beyond loopback, where this is
            empty, every name is accepted.
        cors_origins: pages of these may use the server from a browser; `*`, with API keys only, stands for all.
        tls_cert: a PEM file with the certificate and those that signed it; empty for plain HTTP.
        tls_key: a PEM file with its private key.
        ping_interval_seconds: a stream that is silent this long gets an SSE comment.
        body_timeout_seconds: a request body must have arrived within this time.
        log_prompts: what is asked and answered is logged.
        metrics_alias: `vllm`: `/metrics` has vLLM's names besides Sampan's; empty for none.
        otel_endpoint: of a collector of OpenTelemetry's traces; empty sends none.
        workers: processes that speak HTTP, all with the one engine.
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
    default_chat_template_kwargs: dict[str, Any] = field(default_factory=dict)
    api_key_file: str = ""
    api_key_sha256: str = ""
    allow_remote: bool = False
    allowed_hosts: tuple[str, ...] = field(default=())
    cors_origins: tuple[str, ...] = field(default=())
    tls_cert: str = ""
    tls_key: str = ""
    ping_interval_seconds: float = 15.0
    body_timeout_seconds: float = 30.0
    log_prompts: bool = False
    metrics_alias: str = ""
    otel_endpoint: str = ""
    workers: int = 1
    drain_timeout_seconds: float = 300.0

    @property
    def has_keys(self) -> bool:
        """Whether requests need an API key."""
        return bool(self.api_key_file or self.api_key_sha256)

    @property
    def has_tls(self) -> bool:
        """Whether connections are encrypted."""
        return bool(self.tls_cert)

    def __post_init__(self) -> None:
        _require(
            self.reasoning_format in REASONING_FORMATS,
            "reasoning_format",
            self.reasoning_format,
            f"use one of {', '.join(REASONING_FORMATS)}",
        )
        switches = [self.default_chat_template_kwargs.get(name, True) for name in ("enable_thinking", "thinking")]
        _require(
            all(isinstance(switch, bool) for switch in switches),
            "default_chat_template_kwargs",
            self.default_chat_template_kwargs,
            "enable_thinking and thinking are true or false",
        )
        for origin in self.cors_origins:
            known = origin == ANY_ORIGIN or ORIGIN.fullmatch(origin)
            _require(bool(known), "cors_origin", origin, "write it as browsers do: https://app.example:8443")
        all_origins = ANY_ORIGIN in self.cors_origins
        _require(self.has_keys or not all_origins, "cors_origin", ANY_ORIGIN, "it needs API keys; or name the origins")
        _require(self.metrics_alias in METRICS_ALIASES, "metrics_alias", self.metrics_alias, "use vllm, or none")
        pair = bool(self.tls_cert) == bool(self.tls_key)
        _require(pair, "tls_cert", self.tls_cert, "give --tls-cert and --tls-key together")
        for name in ("ping_interval_seconds", "body_timeout_seconds", "drain_timeout_seconds"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "it must be above 0")
        _require(1 <= self.workers <= MAX_WORKERS, "workers", self.workers, f"use 1 to {MAX_WORKERS}")
        _require(0 <= self.port <= 65535, "port", self.port, "use 0 (any free port) to 65535")
        _require(self.max_body_bytes >= 1024, "max_body_bytes", self.max_body_bytes, "use at least 1024")
        _require(
            self.default_max_tokens is None or self.default_max_tokens >= 1,
            "default_max_tokens",
            self.default_max_tokens,
            "it must be at least 1",
        )
