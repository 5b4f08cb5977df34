"""Who is compared: Sampan and the other engines, each at each of its precisions. Data, and how to start each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.comparison.models import IMPORT_PATH, LLAMA_CPP, OPENVINO, Workspace
from benchmarks.comparison.process import Worker

CAPACITY = 4096  # tokens that the KV cache holds, where an engine wants to know beforehand
Command = list[str | Path]


@dataclass(frozen=True, slots=True)
class Contender:
    """One engine at one precision.

    Args:
        name: as shown.
        bits: of most weights; only contenders of equal bits are compared.
        prepare: makes what is missing and returns the worker's command for a number of threads.
    """

    name: str
    bits: int
    prepare: Callable[[Workspace, int], Command]

    def start(self, workspace: Workspace, threads: int) -> Worker:
        """A process that has loaded the model.

        Raises:
            SetupError: it cannot be prepared.
            WorkerError: it ended before it was ready.
        """
        log = workspace.folder / "logs" / f"{self.name.replace(' ', '-')}.log"
        variables = {"PYTHONPATH": IMPORT_PATH, "SAMPAN_HOME": str(workspace.folder / "sampan")}
        return Worker(self.prepare(workspace, threads), log, variables)


def _worker(python: Path | str, module: str, *arguments: str | Path | int) -> Command:
    return [python, "-m", f"benchmarks.comparison.{module}", *map(str, arguments)]


def _sampan(precision: str, workspace: Workspace, threads: int) -> Command:
    return _worker(sys.executable, "sampan_worker", workspace.checkpoint(), threads, CAPACITY, precision)


def _openvino(weight_format: str, workspace: Workspace, threads: int) -> Command:
    model, vocab_size = workspace.openvino(weight_format), workspace.config.vocab_size
    return _worker(workspace.python(OPENVINO), "openvino_worker", model, threads, CAPACITY, vocab_size)


def _llama_cpp(type_name: str, workspace: Workspace, threads: int) -> Command:
    return _worker(workspace.python(LLAMA_CPP), "llama_cpp_worker", workspace.gguf(type_name), threads)


CONTENDERS = (
    Contender("Sampan int8", 8, partial(_sampan, "int8")),
    Contender("OpenVINO int8", 8, partial(_openvino, "int8")),
    Contender("llama.cpp Q8_0", 8, partial(_llama_cpp, "Q8_0")),
    Contender("Sampan int4", 4, partial(_sampan, "int4")),
    Contender("OpenVINO int4", 4, partial(_openvino, "int4")),
    Contender("llama.cpp Q4_0", 4, partial(_llama_cpp, "Q4_0")),
    Contender("llama.cpp Q4_K_M", 4, partial(_llama_cpp, "Q4_K_M")),
)
