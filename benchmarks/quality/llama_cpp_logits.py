"""Logits of every position of some texts from llama.cpp. Runs where llama-cpp-python is installed.

python -m benchmarks.quality.llama_cpp_logits MODEL.gguf TEXTS.json LOGITS.npy

TEXTS.json holds lists of token ids; LOGITS.npy gets float32 [tokens of all texts, vocab_size]. Attention and its fp16
cache are llama.cpp's defaults.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import llama_cpp
import numpy as np
import numpy.typing as npt


class LlamaCpp:
    """Args:
    path: a GGUF file.
    max_length: tokens of the longest text.
    """

    def __init__(self, path: str, max_length: int) -> None:
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(os.fsencode(path), llama_cpp.llama_model_default_params())
        if not self._model:
            raise RuntimeError(f"llama.cpp cannot load {path}")
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = max_length
        parameters.n_threads = parameters.n_threads_batch = 1
        self._context = llama_cpp.llama_init_from_model(self._model, parameters)
        self._batch = llama_cpp.llama_batch_init(max_length, 0, 1)
        self._vocab_size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))

    def logits(self, token_ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """[tokens, vocab_size] of one text."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)
        batch = self._batch
        batch.n_tokens = len(token_ids)
        for position, token in enumerate(token_ids):
            batch.token[position], batch.pos[position], batch.logits[position] = token, position, True
            batch.n_seq_id[position], batch.seq_id[position][0] = 1, 0
        status = llama_cpp.llama_decode(self._context, batch)
        if status != 0:
            raise RuntimeError(f"llama_decode returned {status}")
        values = llama_cpp.llama_get_logits(self._context)
        return np.ctypeslib.as_array(values, (len(token_ids), self._vocab_size)).copy()


def main(model: str, texts_file: str, logits_file: str) -> None:
    """The command line."""
    texts = json.loads(Path(texts_file).read_text())
    engine = LlamaCpp(model, max(map(len, texts)))
    np.save(logits_file, np.concatenate([engine.logits(text) for text in texts]))


if __name__ == "__main__":
    main(*sys.argv[1:])
