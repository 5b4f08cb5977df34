"""Quantises a GGUF file with llama.cpp's own recipe for a type. Needs llama-cpp-python.

python -m benchmarks.gguf_quantize model.gguf model-Q4_K_M.gguf Q4_K_M
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import llama_cpp

TYPES = {
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
    "Q4_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
}


def quantize_gguf(source: Path, target: Path, type_name: str) -> None:
    """Writes `source` as `type_name`, one of `TYPES`; `target` has its name only once it is whole.

    Raises:
        RuntimeError: llama.cpp refused; it has said why on the standard error stream.
    """
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = TYPES[type_name]
    parameters.nthread = len(os.sched_getaffinity(0))
    temporary = target.with_name(target.name + ".part")
    try:
        if llama_cpp.llama_model_quantize(os.fsencode(source), os.fsencode(temporary), parameters) != 0:
            raise RuntimeError(f"llama.cpp cannot quantise {source} to {type_name}")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("type", choices=TYPES)
    arguments = parser.parse_args()
    quantize_gguf(arguments.source, arguments.target, arguments.type)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
