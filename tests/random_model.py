"""A tiny random model, and how to run requests through an engine to their end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sampan.checkpoint import CodedTensor, RawTensor
from sampan.config import ModelConfig
from sampan.engine.engine import Engine
from sampan.engine.outputs import EngineOutput, FinishReason
from sampan.engine.request import Request
from sampan.models import build_model, export_weights

VOCAB = 512
EOS = 3

Signature = tuple[list[int], list[bytes], FinishReason | None]


class MemoryCheckpoint:
    """A checkpoint that lives in a dict."""

    def __init__(self, config: ModelConfig, tensors: dict[str, npt.NDArray[np.float32]]) -> None:
        self.config, self._tensors = config, tensors
        self.path = Path("memory")

    def names(self) -> Sequence[str]:
        return list(self._tensors)

    def raw(self, name: str) -> RawTensor:
        return RawTensor("fp32", self._tensors[name].shape, lambda begin, end: self._tensors[name][begin:end], "memory")

    def coded(self, name: str) -> CodedTensor | None:
        return None

    def get(self, name: str) -> npt.NDArray[np.float32]:
        return self._tensors[name]


def random_checkpoint(config: ModelConfig, seed: int = 0) -> MemoryCheckpoint:
    """Weights large enough that greedy output wanders over the vocabulary instead of repeating one token."""
    rng = np.random.default_rng(seed)
    shapes = {name: value.shape for name, value in export_weights(build_model(config)).items()}
    return MemoryCheckpoint(
        config,
        {
            name: np.ones(shape, np.float32) if "norm" in name else (rng.normal(size=shape) * 0.3).astype(np.float32)
            for name, shape in shapes.items()
        },
    )


def run(engine: Engine, requests: Sequence[Request]) -> dict[str, list[EngineOutput]]:
    """Steps until all requests have ended; checks that no block is left held."""
    outputs: dict[str, list[EngineOutput]] = {request.request_id: [] for request in requests}
    for request in requests:
        engine.add_request(request)
    for _ in range(10_000):
        if not engine.has_unfinished:
            break
        for output in engine.step():
            outputs[output.request_id].append(output)
    assert not engine.has_unfinished
    assert engine.kv_cache.pool.num_free == engine.kv_cache.pool.num_blocks
    return outputs


def tokens_of(parts: Sequence[EngineOutput]) -> list[int]:
    """All tokens of one request."""
    return [token for part in parts for token in part.new_token_ids]


def signatures(outputs: dict[str, list[EngineOutput]]) -> dict[str, Signature]:
    """What must be equal under every circumstance: tokens, log-probabilities to the last bit, finish reason."""
    return {
        name: (
            tokens_of(parts),
            [entry.logprobs.tobytes() + entry.token_ids.tobytes() for part in parts for entry in part.logprobs],
            parts[-1].finish_reason,
        )
        for name, parts in outputs.items()
    }
