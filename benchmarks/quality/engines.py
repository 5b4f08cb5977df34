"""Logits of a subject's texts from each engine and format, with the bytes of the weights."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.quality.subjects import Subject
from sampan.backends.native import NativeBackend
from sampan.checkpoint import open_checkpoint, write_gguf
from sampan.evaluation.teacher_forcing import BLOCK_SIZE, forced_batch
from sampan.quant import pack_model

Logits = list[npt.NDArray[np.float32]]
ROOT = Path(__file__).parents[2]
LLAMA_CPP_TYPES = ("Q8_0", "Q4_0", "Q4_K_M")


class UnavailableError(Exception):
    """An engine cannot be measured here; the text says why."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What an engine computed.

    Args:
        format: of the weights.
        cache: format of keys and values.
        bytes_read: weights that a step reads whatever its size: all but the embedding, of which it reads single rows.
        logits: [tokens, vocab_size] of each text.
    """

    engine: str
    format: str
    cache: str
    bytes_read: int
    logits: Logits


def native(subject: Subject, formats: Mapping[str, Sequence[str]]) -> Iterator[Measured]:
    """Sampan's kernels.

    Args:
        formats: precision -> cache formats.
    """
    checkpoint = open_checkpoint(subject.folder)
    for precision, kv_caches in formats.items():
        model = pack_model(checkpoint, precision)
        stored = {name: tensor.nbytes for name, tensor in model.tensors.items()}
        bytes_read = sum(size for name, size in stored.items() if not name.startswith("embed_tokens."))
        for kv_cache in kv_caches:
            backend = NativeBackend(kv_cache=kv_cache)
            backend.load_packed(model)
            backend.allocate_kv_cache(-(-max(map(len, subject.texts)) // BLOCK_SIZE), BLOCK_SIZE)
            logits = [backend.logits(forced_batch(text)) for text in subject.texts]
            yield Measured("Sampan", precision, kv_cache, bytes_read, logits)


def llama_cpp(subject: Subject, work: Path, python: Path | None) -> Iterator[Measured]:
    """llama.cpp on the same weights, quantised by its own recipes.

    Args:
        python: an interpreter that has llama-cpp-python; None takes this one.

    Raises:
        UnavailableError: a package is missing, or llama.cpp failed.
    """
    if importlib.util.find_spec("gguf") is None:
        raise UnavailableError("the package `gguf` is not installed")
    interpreter = str(python or sys.executable)
    _run([interpreter, "-c", "import llama_cpp"])
    name = subject.folder.name
    source, texts, logits = work / f"{name}.gguf", work / "texts.json", work / "logits.npy"
    write_gguf(source, open_checkpoint(subject.folder), "bf16", name=name)
    texts.write_text(json.dumps([list(map(int, text)) for text in subject.texts]))
    for type_name in LLAMA_CPP_TYPES:
        model = work / f"{name}-{type_name}.gguf"
        _run([interpreter, "-m", "benchmarks.gguf_quantize", source, model, type_name])
        _run([interpreter, "-m", "benchmarks.quality.llama_cpp_logits", model, texts, logits])
        ends = np.cumsum([len(text) for text in subject.texts])[:-1]
        yield Measured("llama.cpp", type_name, "fp16", _bytes_read(model), np.split(np.load(logits), ends))


def _bytes_read(path: Path) -> int:
    """Of a GGUF file's tensors; a tied output matrix is called as the embedding."""
    import gguf

    sizes = {tensor.name: int(tensor.n_bytes) for tensor in gguf.GGUFReader(path).tensors}
    return sum(sizes.values()) - (sizes["token_embd.weight"] if "output.weight" in sizes else 0)


def _run(command: Sequence[str | Path]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [str(word) for word in command], env=environment, capture_output=True, text=True, cwd=ROOT
    )
    if finished.returncode != 0:
        lines = finished.stderr.strip().splitlines() or ["it ended without a word"]
        raise UnavailableError(lines[-1])
