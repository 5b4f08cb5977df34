"""What Ollama's API tells of the served model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sampan.config import ModelConfig
from sampan.server.service import Service

WEIGHTS = (".safetensors", ".gguf", ".pdparams")
NEVER = "2318-01-01T00:00:00Z"  # Ollama's clients want a time; what is loaded here stays


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The served model on disk and in numbers.

    Args:
        size: bytes of its weight files.
        modified_at: when they last changed.
    """

    config: ModelConfig
    size: int
    modified_at: str

    @classmethod
    def of(cls, config: ModelConfig, path: Path | None) -> ModelFacts:
        """Looks at the files.

        Args:
            path: the model's folder or file; None where there is none.
        """
        files = [] if path is None else [path] if path.is_file() else sorted(path.iterdir())
        stats = [file.stat() for file in files if file.suffix in WEIGHTS]
        modified = max((stat.st_mtime for stat in stats), default=0.0)
        time = datetime.fromtimestamp(int(modified), timezone.utc).isoformat().replace("+00:00", "Z")
        return cls(config, sum(stat.st_size for stat in stats), time)

    def details(self) -> dict[str, Any]:
        """`details` of all paths."""
        family = self.config.model_type
        return {
            "parent_model": "",
            "format": "safetensors",
            "family": family,
            "families": [family],
            "parameter_size": _rounded(self.config.num_parameters),
            "quantization_level": "",
        }

    def info(self, max_model_len: int) -> dict[str, Any]:
        """`model_info`, in the keys of GGUF."""
        config, family = self.config, self.config.model_type
        return {
            "general.architecture": family,
            "general.parameter_count": config.num_parameters,
            f"{family}.context_length": max_model_len,
            f"{family}.embedding_length": config.hidden_size,
            f"{family}.block_count": config.num_hidden_layers,
            f"{family}.feed_forward_length": config.intermediate_size,
            f"{family}.attention.head_count": config.num_attention_heads,
            f"{family}.attention.head_count_kv": config.num_key_value_heads,
            f"{family}.attention.layer_norm_rms_epsilon": config.rms_norm_eps,
            f"{family}.rope.freq_base": config.rope_theta,
            f"{family}.vocab_size": config.vocab_size,
        }


def tags(service: Service, facts: ModelFacts) -> dict[str, Any]:
    """`GET /api/tags`: the model under each of its names."""
    names = (service.config.served_model_name, *service.config.aliases)
    return {"models": [{**_card(service, facts, name), "modified_at": facts.modified_at} for name in names]}


def running(service: Service, facts: ModelFacts) -> dict[str, Any]:
    """`GET /api/ps`: the model is loaded, once."""
    card = _card(service, facts, service.config.served_model_name)
    loaded = {"expires_at": NEVER, "size_vram": 0, "context_length": service.engine.max_model_len}
    return {"models": [{**card, **loaded}]}


def shown(service: Service, facts: ModelFacts) -> dict[str, Any]:
    """`POST /api/show`."""
    return {
        "license": service.config.model_license,
        "modelfile": "",
        "parameters": "",
        "template": service.tokenizer.config.chat_template or "",
        "details": facts.details(),
        "model_info": facts.info(service.engine.max_model_len),
        "capabilities": ["completion", "thinking", "tools", "embedding"],
        "modified_at": facts.modified_at,
    }


def _card(service: Service, facts: ModelFacts, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "size": facts.size,
        "digest": service.model_digest,
        "details": facts.details(),
    }


def _rounded(number: int) -> str:
    """As Ollama writes it: 7.6B, 494.03M."""
    if number >= 1_000_000_000:
        return f"{number / 1e9:.1f}B"
    return f"{number / 1e6:.2f}M" if number >= 1_000_000 else f"{number / 1e3:.2f}K"
