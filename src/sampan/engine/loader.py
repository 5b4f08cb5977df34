"""From a model's name to an engine that is ready to step, with the model's tokenizer, template and advice beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import psutil

from sampan.backends import create_backend
from sampan.checkpoint import open_checkpoint, resolve_model
from sampan.config import EngineConfig, ModelConfig
from sampan.engine.engine import Engine
from sampan.engine.generation_config import read_sampling_defaults
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import ConfigError
from sampan.text import ChatTemplate, Tokenizer

BYTES_PER_ELEMENT = {"fp32": 4, "bf16": 2, "fp16": 2}
MAX_MEMORY_SHARE = 1 / 8  # of what is available, for the KV cache, where nobody says how much
TYPICAL_CONTEXT_SHARE = 1 / 4  # of the longest context, that each running request gets room for


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """All that it takes to answer. `sampling_defaults` holds for requests that say nothing."""

    name: str
    path: Path
    config: ModelConfig
    tokenizer: Tokenizer
    chat_template: ChatTemplate
    sampling_defaults: SamplingParams
    engine: Engine


def load_model(
    model: str | None = None,
    *,
    precision: str = "auto",
    backend: str = "paddle",
    device: str | None = None,
    config: EngineConfig | None = None,
) -> LoadedModel:
    """Opens a model and makes an engine for it.

    Args:
        model: a zoo name or a folder; None is the embedded model.
        precision: of weights and KV cache; `auto` takes the backend's own.
        backend: see `sampan.backends.BACKENDS`.
        device: the backend's own word for where to run; None lets it choose.
        config: the engine's limits.

    Raises:
        UnknownModelError, CheckpointError, TokenizerError, ConfigError: the model cannot be used; all before any
        weight is read.
    """
    config = config or EngineConfig()
    resolved = resolve_model(model)
    checkpoint = open_checkpoint(resolved.path)
    model_config = checkpoint.config
    tokenizer = Tokenizer.from_dir(resolved.path)
    tokenizer.check_model(model_config)
    sampling_defaults = read_sampling_defaults(resolved.path)
    if precision == "auto":
        precision = "fp32"
    if precision not in BYTES_PER_ELEMENT:
        raise ConfigError(f"precision={precision!r} is not known", remedy=f"use {', '.join(BYTES_PER_ELEMENT)}")

    max_model_len = min(
        config.max_model_len or model_config.max_position_embeddings, model_config.max_position_embeddings
    )
    num_blocks = config.num_blocks or _choose_num_blocks(
        model_config, config, max_model_len, BYTES_PER_ELEMENT[precision]
    )
    computing = create_backend(backend, device=device)
    computing.load(checkpoint, precision)
    computing.set_vocab_limit(tokenizer.vocab_size)
    computing.allocate_kv_cache(num_blocks, config.block_size)
    engine = Engine(
        computing,
        config,
        num_blocks=num_blocks,
        max_model_len=max_model_len,
        eos_token_ids=tokenizer.eos_token_ids or model_config.eos_token_ids,
        vocab_size=tokenizer.vocab_size,
        revision=_revision(resolved.path),
    )
    template = ChatTemplate(tokenizer)
    return LoadedModel(resolved.name, resolved.path, model_config, tokenizer, template, sampling_defaults, engine)


def _choose_num_blocks(model: ModelConfig, config: EngineConfig, max_model_len: int, bytes_per_element: int) -> int:
    """Room for every running request at a typical length, within a share of the memory, but for one whole context at
    least where memory allows any."""
    bytes_per_token = 2 * model.num_hidden_layers * model.num_key_value_heads * model.head_dim * bytes_per_element
    typical = max(int(config.max_num_seqs * max_model_len * TYPICAL_CONTEXT_SHARE), max_model_len)
    affordable = int(psutil.virtual_memory().available * MAX_MEMORY_SHARE) // bytes_per_token
    return max(min(typical, affordable) // config.block_size, 1)


def _revision(path: Path) -> str:
    """Tells models apart in the prefix cache: the folder and when its files changed last."""
    stamps = sorted((entry.name, entry.stat().st_mtime_ns, entry.stat().st_size) for entry in path.iterdir())
    return hashlib.sha256(repr((str(path), stamps)).encode()).hexdigest()
