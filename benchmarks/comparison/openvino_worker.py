"""OpenVINO GenAI with its continuous batching.

python -m benchmarks.comparison.openvino_worker IR_FOLDER THREADS CAPACITY VOCAB_SIZE
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import openvino
import openvino_genai

from benchmarks.comparison.worker import serve

BLOCK_SIZE = 32  # tokens in a KV block of OpenVINO's CPU plugin


class OpenVino:
    """See `worker.Engine`."""

    def __init__(self, model: str, threads: int, capacity: int, vocab_size: int) -> None:
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.num_kv_blocks = capacity // BLOCK_SIZE
        scheduler.max_num_batched_tokens = 512
        scheduler.enable_prefix_caching = False
        properties = {"INFERENCE_NUM_THREADS": threads, "CACHE_DIR": f"{model}/compiled"}
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(model, scheduler, "CPU", properties)
        self._handles: list[openvino_genai.GenerationHandle] = []
        self._new_tokens = 0
        self.vocab_size = vocab_size
        self.versions = {name: version(name) for name in ("openvino", "openvino-genai")}

    def begin(self, prompts: Sequence[Sequence[int]], new_tokens: int) -> None:
        settings = openvino_genai.GenerationConfig(max_new_tokens=new_tokens, ignore_eos=True, do_sample=False)
        self._new_tokens = new_tokens
        self._handles = [
            self._pipeline.add_request(index, openvino.Tensor(np.array([prompt], np.int64)), settings)
            for index, prompt in enumerate(prompts)
        ]
        while not all(handle.can_read() for handle in self._handles):
            self._pipeline.step()

    def step(self) -> None:
        self._pipeline.step()

    def end(self) -> None:
        counts = {sum(len(output.generated_ids) for output in handle.read_all()) for handle in self._handles}
        if self._pipeline.has_non_finished_requests() or counts != {self._new_tokens}:
            raise RuntimeError(f"{counts} tokens came instead of {self._new_tokens}")


if __name__ == "__main__":
    folder, *numbers = sys.argv[1:]
    serve(lambda: OpenVino(folder, *map(int, numbers)))
