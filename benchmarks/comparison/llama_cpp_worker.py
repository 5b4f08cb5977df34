"""llama.cpp through the low-level API of llama-cpp-python: one `llama_decode` a step for all sequences.

python -m benchmarks.comparison.llama_cpp_worker MODEL.gguf THREADS
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

import llama_cpp
import numpy as np

from benchmarks.comparison.worker import serve


class LlamaCpp:
    """See `worker.Engine`. Each piece of work gets a context of just its size, which is llama.cpp's best case."""

    def __init__(self, model: str, threads: int) -> None:
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(os.fsencode(model), llama_cpp.llama_model_default_params())
        if not self._model:
            raise RuntimeError(f"llama.cpp cannot load {model}")
        self._threads = threads
        self.vocab_size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))
        self.versions = {"llama-cpp-python": version("llama-cpp-python")}

    def begin(self, prompts: Sequence[Sequence[int]], new_tokens: int) -> None:
        num_tokens = sum(map(len, prompts))
        context_length = -(-(len(prompts[0]) + new_tokens) // 256) * 256  # llama.cpp rounds up to 256
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_seq_max = len(prompts)
        parameters.n_ctx = len(prompts) * context_length
        parameters.n_batch = max(num_tokens, 32)
        parameters.n_threads = parameters.n_threads_batch = self._threads
        self._context = llama_cpp.llama_init_from_model(self._model, parameters)
        self._batch = llama_cpp.llama_batch_init(num_tokens, 0, 1)
        rows = [
            (token, position, sequence, position == len(prompt) - 1)
            for sequence, prompt in enumerate(prompts)
            for position, token in enumerate(prompt)
        ]
        self._positions = [len(prompt) for prompt in prompts]
        self._decode(rows)

    def step(self) -> None:
        rows = [(token, self._positions[i], i, True) for i, token in enumerate(self._tokens)]
        self._positions = [position + 1 for position in self._positions]
        self._decode(rows)

    def end(self) -> None:
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)

    def _decode(self, rows: Sequence[tuple[int, int, int, bool]]) -> None:
        """Runs rows of (token, position, sequence, wants logits) and chooses the likeliest token of each that wants."""
        batch = self._batch
        batch.n_tokens = len(rows)
        for row, (token, position, sequence, wants_logits) in enumerate(rows):
            batch.token[row], batch.pos[row], batch.logits[row] = token, position, wants_logits
            batch.n_seq_id[row], batch.seq_id[row][0] = 1, sequence
        status = llama_cpp.llama_decode(self._context, batch)
        if status != 0:
            raise RuntimeError(f"llama_decode returned {status}")
        self._tokens = [self._likeliest(row) for row, values in enumerate(rows) if values[3]]

    def _likeliest(self, row: int) -> int:
        logits = llama_cpp.llama_get_logits_ith(self._context, row)
        return int(np.ctypeslib.as_array(logits, (self.vocab_size,)).argmax())


if __name__ == "__main__":
    file, *numbers = sys.argv[1:]
    serve(lambda: LlamaCpp(file, *map(int, numbers)))
