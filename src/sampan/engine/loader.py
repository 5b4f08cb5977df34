"""From a model's name to an engine that is ready to step, with the model's tokenizer, template and advice beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sampan.backends import Backend, create_backend
from sampan.checkpoint import Checkpoint, GgufCheckpoint, model_folder, open_checkpoint, resolve_model
from sampan.config import EngineConfig, ModelConfig
from sampan.engine.engine import Engine
from sampan.engine.generation_config import read_sampling_defaults
from sampan.engine.gguf_texts import unpack_texts
from sampan.engine.reasoning_control import ThoughtTokens
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.structured import TokenVocabulary
from sampan.errors import ConfigError
from sampan.machine import read_memory
from sampan.text import ChatTemplate, Tokenizer
from sampan.zoo import EMBEDDED_MODEL, find

LOAD_FORMATS = ("auto", "dummy")
MAX_MEMORY_SHARE = 1 / 8  # of what is available, for the KV cache, where nobody says how much
TYPICAL_CONTEXT_SHARE = 1 / 4  # of the longest context, that each running request gets room for
WORKING_MEMORY = 256 * 2**20  # bytes of a memory limit that are neither weights nor KV cache

Progress = Callable[[str, int, int], None]


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
    backend: Backend  # the engine's own; only while the engine is idle


def load_model(
    model: str | None = None,
    *,
    precision: str = "auto",
    kv_cache: str = "auto",
    backend: str = "auto",
    device: str | None = None,
    threads: int | None = None,
    load_format: str = "auto",
    memory_limit: int | None = None,
    config: EngineConfig | None = None,
    progress: Progress | None = None,
) -> LoadedModel:
    """Opens a model and makes an engine for it.

    Args:
        model: a zoo name or a folder; None is the embedded model.
        precision: of the weights; `auto` takes the backend's own.
        kv_cache: the format of keys and values; `auto` takes the backend's own.
        backend: see `sampan.backends.BACKENDS`; `auto` takes the native one, and Paddle's where a device is named.
        device: in Paddle's words; None is the CPU.
        threads: None takes one for each physical core.
        load_format: `dummy` takes random weights in the model's shape instead of its files: for measurements.
        memory_limit: bytes that weights, KV cache and working memory may take together.
        config: the engine's limits.
        progress: is told of the conversion of weights: what is done, how much of it, of how much.

    Raises:
        UnknownModelError, CheckpointError, TokenizerError, ConfigError: the model cannot be used; all before any
        weight is converted.
    """
    config = config or EngineConfig()
    if load_format not in LOAD_FORMATS:
        raise ConfigError(f"load_format={load_format!r} is not known", remedy=f"use {', '.join(LOAD_FORMATS)}")
    source = _open_dummy(model) if load_format == "dummy" else _open(model)
    computing = create_backend(backend, device=device, kv_cache=kv_cache, threads=threads, progress=progress)
    if source.checkpoint is None:
        computing.load_dummy(source.config, precision)
    else:
        computing.load(source.checkpoint, precision, meanwhile=source.read_texts)
    computing.set_vocab_limit(source.vocab_size)

    max_model_len = min(
        config.max_model_len or source.config.max_position_embeddings, source.config.max_position_embeddings
    )
    num_blocks = config.num_blocks or _choose_num_blocks(computing, config, max_model_len, memory_limit)
    computing.allocate_kv_cache(num_blocks, config.block_size)
    eos_token_ids = source.tokenizer.eos_token_ids or source.config.eos_token_ids
    engine = Engine(
        computing,
        config,
        num_blocks=num_blocks,
        max_model_len=max_model_len,
        eos_token_ids=eos_token_ids,
        vocab_size=source.vocab_size,
        revision=_revision(source.path if source.checkpoint is None else source.checkpoint.path),
        thought_tokens=_thought_tokens(source.tokenizer),
        vocabulary=_vocabulary(source.tokenizer, eos_token_ids, source.vocab_size) if eos_token_ids else None,
    )
    return LoadedModel(
        source.name,
        source.path,
        source.config,
        source.tokenizer,
        source.chat_template,
        source.sampling_defaults,
        engine,
        computing,
    )


def load_tokenizer(model: str | None = None) -> Tokenizer:
    """A model's tokenizer. The weights need not be there, unless it lies in the same file.

    Args:
        model: see `load_model`.

    Raises:
        UnknownModelError, CheckpointError, TokenizerError: it cannot be read.
    """
    path = resolve_model(model).path
    checkpoint = None if path.is_dir() else open_checkpoint(path)
    return Tokenizer.from_dir(unpack_texts(checkpoint) if isinstance(checkpoint, GgufCheckpoint) else path)


@dataclass(frozen=True)
class _Source:
    """What a model is made from. Without a checkpoint its weights are random. What is read from text files is read when
    it is first asked for: parsing a tokenizer takes as long as checking the weights, which can go on beside it."""

    name: str
    path: Path
    config: ModelConfig
    checkpoint: Checkpoint | None

    @cached_property
    def tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_dir(self.path)
        if self.checkpoint is not None:
            tokenizer.check_model(self.config)
        return tokenizer

    @cached_property
    def chat_template(self) -> ChatTemplate:
        return ChatTemplate(self.tokenizer)

    @cached_property
    def sampling_defaults(self) -> SamplingParams:
        return read_sampling_defaults(self.path)

    def read_texts(self) -> None:
        """Reads all of them, so that what is wrong with one shows."""
        _ = self.chat_template, self.sampling_defaults

    @property
    def vocab_size(self) -> int:
        """Ids that may be drawn: random weights draw any of them."""
        return self.tokenizer.vocab_size if self.checkpoint is not None else self.config.vocab_size


def _open(model: str | None) -> _Source:
    resolved = resolve_model(model)
    checkpoint = open_checkpoint(resolved.path)
    path = unpack_texts(checkpoint) if isinstance(checkpoint, GgufCheckpoint) else resolved.path
    return _Source(resolved.name, path, checkpoint.config, checkpoint)


def _open_dummy(model: str | None) -> _Source:
    """The shape of any model, on this machine or not. Text goes through the embedded model's tokenizer."""
    embedded = model_folder(find(EMBEDDED_MODEL))
    folder = Path(model).expanduser() if model else embedded
    if (folder / "config.json").is_file():
        name, config = folder.name, ModelConfig.from_file(folder / "config.json")
    else:
        entry = find(str(model))
        name, config = entry.name, entry.config or ModelConfig.from_file(model_folder(entry) / "config.json")
    return _Source(name, embedded, config, None)


def _vocabulary(tokenizer: Tokenizer, eos_token_ids: tuple[int, ...], size: int) -> TokenVocabulary:
    return TokenVocabulary(
        read_bytes=tokenizer.all_bytes,
        special_ids=tokenizer.added_ids,
        eos_token_ids=eos_token_ids,
        encode=tokenizer.encode,
        is_in_thought=tokenizer.is_in_reasoning,
        think_end_id=tokenizer.think_end_id,
        size=size,
    )


def _choose_num_blocks(backend: Backend, config: EngineConfig, max_model_len: int, memory_limit: int | None) -> int:
    """Room for every running request at a typical length, within a share of the memory, but for one whole context at
    least where memory allows any; all that a memory limit leaves where there is one."""
    if memory_limit is not None:
        left = memory_limit - backend.weight_bytes - WORKING_MEMORY
        num_blocks = int(left // (backend.kv_bytes_per_token * config.block_size))
        if num_blocks < 1:
            least = (backend.weight_bytes + WORKING_MEMORY + 2**28) / 1e9
            raise ConfigError(
                f"memory_limit={memory_limit / 1e9:.2f} GB is less than the weights and a KV cache need",
                remedy=f"allow {least:.1f} GB at least, or take a --precision of fewer bits",
            )
        return min(num_blocks, config.max_num_seqs * -(-max_model_len // config.block_size))
    typical = max(int(config.max_num_seqs * max_model_len * TYPICAL_CONTEXT_SHARE), max_model_len)
    affordable = int(read_memory().available * MAX_MEMORY_SHARE / backend.kv_bytes_per_token)
    return max(min(typical, affordable) // config.block_size, 1)


def _thought_tokens(tokenizer: Tokenizer) -> ThoughtTokens | None:
    """A thought is closed as R1 ends its own: a new line, then the tag. A sentence would turn the answer to the
    language that it is written in."""
    start, end = tokenizer.think_start_id, tokenizer.think_end_id
    return None if start is None or end is None else ThoughtTokens(start, end, (*tokenizer.encode("\n"), end))


def _revision(path: Path) -> str:
    """Tells models apart in the prefix cache: the folder or file, and when it changed last."""
    files = path.iterdir() if path.is_dir() else [path]
    stamps = sorted((entry.name, entry.stat().st_mtime_ns, entry.stat().st_size) for entry in files)
    return hashlib.sha256(repr((str(path), stamps)).encode()).hexdigest()
