"""The same random weights in the form that each engine reads, made once and kept in the work folder."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import sampan
from benchmarks.comparison.environments import Environment, run
from benchmarks.comparison.random_checkpoint import write_random_checkpoint
from sampan.config import ModelConfig
from sampan.convert import convert

# Modules of this repository, for interpreters that know nothing of it.
IMPORT_PATH = os.pathsep.join(str(Path(path)) for path in (Path(__file__).parents[2], Path(sampan.__file__).parents[1]))

LLAMA_CPP = Environment(
    "llama-cpp",
    ("llama-cpp-python==0.3.36",),
    # Compiled for this very processor, with OpenMP threads: llama.cpp's best.
    build={
        "CMAKE_ARGS": "-DGGML_NATIVE=ON -DGGML_OPENMP=ON -DLLAVA_BUILD=OFF",
        "CMAKE_BUILD_PARALLEL_LEVEL": str(len(os.sched_getaffinity(0))),
        "PIP_NO_BINARY": "llama-cpp-python",
    },
)
OPENVINO = Environment("openvino", ("openvino-genai==2026.4.1.0", "numpy"))
OPENVINO_EXPORT = Environment(
    "openvino-export",
    ("torch==2.13.0", "optimum-intel==2.2.0", "openvino==2026.4.1", "openvino-tokenizers==2026.4.1.0", "nncf==3.4.0"),
    # The registry's torchvision is built for another build of torch; transformers fails where it finds it, and does
    # without where it does not.
    unwanted=("torchvision",),
)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where everything is kept. A file or folder that is there is taken as it is: each is made under another name.

    Args:
        folder: about 20 GB for a model of 1.5 billion parameters.
        config: the model's shape.
        tokenizer: see `write_random_checkpoint`.
    """

    folder: Path
    config: ModelConfig
    tokenizer: Path | None = None

    def python(self, environment: Environment) -> Path:
        """The interpreter of an environment, which is made where it is not there."""
        return environment.python(self.folder / "environments")

    def checkpoint(self) -> Path:
        """In Hugging Face's form, bf16."""
        target = self.folder / "checkpoint"
        if not target.exists():
            partial = _fresh(target)
            write_random_checkpoint(partial, self.config, self.tokenizer)
            partial.rename(target)
        return target

    def gguf(self, type_name: str) -> Path:
        """For llama.cpp; `type_name` is `BF16` or one of `gguf_quantize.TYPES`."""
        target = self.folder / f"{type_name}.gguf"
        if not target.exists():
            if type_name == "BF16":
                convert(str(self.checkpoint()), target, form="gguf", dtype="bf16")
                return target
            step = ["-m", "benchmarks.gguf_quantize", self.gguf("BF16"), target, type_name]
            command = [self.python(LLAMA_CPP), *step]
            run(command, self.folder / "logs" / f"{type_name}.log", {"PYTHONPATH": IMPORT_PATH})
        return target

    def openvino(self, weight_format: str) -> Path:
        """For OpenVINO, by optimum-intel with its defaults; `weight_format` is `int8` or `int4`."""
        target = self.folder / f"openvino-{weight_format}"
        if not target.exists():
            partial = _fresh(target)
            program = self.python(OPENVINO_EXPORT).with_name("optimum-cli")
            command: list[str | Path] = [program, "export", "openvino", "--model", self.checkpoint()]
            command += ["--task", "text-generation-with-past", "--weight-format", weight_format, partial]
            run(command, self.folder / "logs" / f"{target.name}.log", {"HF_HUB_OFFLINE": "1"})
            partial.rename(target)
        return target


def _fresh(target: Path) -> Path:
    partial = target.with_name(target.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    return partial
