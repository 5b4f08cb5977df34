"""Sampan through its Python API and engine.

python -m benchmarks.comparison.sampan_worker FOLDER THREADS CAPACITY PRECISION
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import count

import sampan
from benchmarks.comparison.worker import serve
from sampan import LLM, SamplingParams
from sampan.config import EngineConfig
from sampan.engine.request import Request


class Sampan:
    """See `worker.Engine`."""

    def __init__(self, model: str, threads: int, capacity: int, precision: str) -> None:
        config = EngineConfig(num_blocks=capacity // EngineConfig().block_size, speculation="off")
        loaded = LLM(model, precision=precision, threads=threads, engine_config=config).loaded
        self._engine = loaded.engine
        self._ids = count()
        self._requests: list[Request] = []
        self.vocab_size = self._engine.vocab_size
        self.versions = {"sampan": sampan.__version__}

    def begin(self, prompts: Sequence[Sequence[int]], new_tokens: int) -> None:
        params = SamplingParams(max_tokens=new_tokens, temperature=0.0, ignore_eos=True)
        self._requests = [Request(f"peers-{next(self._ids)}", prompt, params) for prompt in prompts]
        for request in self._requests:
            self._engine.add_request(request)
        while not all(request.num_output_tokens for request in self._requests):
            self._engine.step()

    def step(self) -> None:
        self._engine.step()

    def end(self) -> None:
        if self._engine.has_unfinished:
            raise RuntimeError("some prompts needed more steps than others")


if __name__ == "__main__":
    folder, threads, capacity, precision = sys.argv[1:]
    serve(lambda: Sampan(folder, int(threads), int(capacity), precision))
