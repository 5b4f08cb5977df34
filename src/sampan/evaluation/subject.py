"""A model to be measured, and how its weights are held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sampan.checkpoint import open_checkpoint, resolve_model, sampan_home
from sampan.checkpoint.dtypes import FLOAT_DTYPES
from sampan.config import EngineConfig
from sampan.engine import LLM
from sampan.quant.source_hash import source_hash

Progress = Callable[[str, int, int], None]

MAX_NUM_SEQS = 16
PROMPT_TOKENS = 1024  # that a task's prompt may have beside its answer


@dataclass(frozen=True, slots=True)
class Subject:
    """Args:
    model: a zoo name, a folder or a file; None is the embedded model.
    precision: of the weights; `auto` takes what the backend does best.
    kv_cache: of keys and values; `auto` likewise.
    name: what the report calls it; None takes the folder's or the zoo's name.
    """

    model: str | None = None
    precision: str = "auto"
    kv_cache: str = "auto"
    name: str | None = None

    @classmethod
    def exact(cls, model: str | None) -> Subject:
        """The model as nothing is rounded: weights as wide as they are stored, computed with in float32."""
        checkpoint = open_checkpoint(resolve_model(model).path)
        tensors = [checkpoint.raw(name) for name in checkpoint.names()]
        stored = {tensor.dtype for tensor in tensors if len(tensor.shape) > 1}  # norms and biases are float32 always
        return cls(model, stored.pop() if len(stored) == 1 and stored <= set(FLOAT_DTYPES) else "fp32", "fp32")

    def sha256(self, threads: int | None, progress: Progress) -> str:
        """Of configuration and weights."""
        resolved = resolve_model(self.model)
        folder = sampan_home() / "packed"
        folder.mkdir(parents=True, exist_ok=True)
        what = f"Hashing {resolved.name}"
        return source_hash(
            open_checkpoint(resolved.path),
            folder,
            threads=threads,
            report=lambda done, total: progress(what, done, total),
        )

    def open(self, max_tokens: int, threads: int | None, progress: Progress) -> LLM:
        """The model in this process. It keeps no prefixes: whoever reads logits writes over KV blocks."""
        name = resolve_model(self.model)
        largest = open_checkpoint(name.path).config.max_position_embeddings
        config = EngineConfig(
            max_num_seqs=MAX_NUM_SEQS,
            max_model_len=min(max_tokens + PROMPT_TOKENS, largest),
            enable_prefix_caching=False,
        )
        progress(f"Loading {name.name}", 0, 0)
        return LLM(
            self.model,
            precision=self.precision,
            kv_cache=self.kv_cache,
            threads=threads,
            engine_config=config,
            progress=progress,
        )
