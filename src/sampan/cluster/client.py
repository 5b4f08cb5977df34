"""What the server knows of an engine: four methods. The in-thread engine has them, and so will the engine process's client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sampan.config import ModelConfig
from sampan.engine.outputs import EngineOutput
from sampan.engine.sampling_params import SamplingParams


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """A glance at the engine. `ready` is false while loading, draining or failed; `reason` says which."""

    ready: bool
    reason: str
    num_running: int
    num_waiting: int
    num_blocks: int
    num_free_blocks: int


class EngineClient(Protocol):
    """Token ids in, token ids out; all text work is the caller's."""

    config: ModelConfig
    max_model_len: int

    def generate(
        self, request_id: str, prompt_token_ids: Sequence[int], params: SamplingParams
    ) -> AsyncIterator[EngineOutput]:
        """Yields outputs until one has a `finish_reason`. Closing the iterator early aborts the request: its blocks are free
        within one step.

        Raises:
            RequestError, ContextLengthError: the request cannot be served; raised before anything is yielded.
            OverloadedError: the queue is full.
            EngineError: the engine failed while the request was open.
        """

    def status(self) -> EngineStatus:
        """Cheap and never blocking."""

    async def close(self) -> None:
        """Ends open requests with `FinishReason.ABORT` and stops the engine."""
