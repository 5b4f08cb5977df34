"""How fast models are converted, in how much memory, and what that time goes into.

    python -m benchmarks.conversion WORK --model deepseek-r1-distill-qwen-7b --source bf16 --precision int4

Makes a file or folder of random weights in the model's shape under WORK, packs it in a process of its own, prints a
line of JSON and removes what it made. `--layers` leaves layers out: memory does not depend on their number.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sampan.checkpoint import Checkpoint, CodedTensor, RawTensor, expected_tensors, open_checkpoint, write_checkpoint
from sampan.checkpoint.dtypes import Array, Float32Array, from_float32
from sampan.config import ModelConfig
from sampan.zoo import find

SOURCES = ("bf16", "pdparams", "q8_0", "q4_k")
SHARD_BYTES = 5_000_000_000
POOL = 1 << 22  # random values, which repeat


class RandomCheckpoint:
    """See `Checkpoint`: bf16 weights from N(0, 0.02²) that are made when they are read."""

    def __init__(self, config: ModelConfig) -> None:
        self.config, self.path = config, Path("random")
        values = np.random.default_rng(0).standard_normal(POOL, np.float32) * np.float32(0.02)
        self._pool = from_float32(values, "bf16")
        self._shapes = expected_tensors(config)

    def files(self) -> Sequence[Path]:
        return []

    def names(self) -> Sequence[str]:
        return list(self._shapes)

    def get(self, name: str) -> Float32Array:
        raise NotImplementedError

    def raw(self, name: str) -> RawTensor:
        shape = self._shapes[name]

        def rows(begin: int, end: int) -> Array:
            count = (end - begin) * int(np.prod(shape[1:]))
            return np.resize(self._pool, count).reshape(end - begin, *shape[1:])

        return RawTensor("bf16", shape, rows, self.path)

    def coded(self, name: str) -> CodedTensor | None:
        return None


def make_source(work: Path, config: ModelConfig, source: str) -> Path:
    """Writes random weights; returns the file or folder."""
    checkpoint = RandomCheckpoint(config)
    tensors = {name: checkpoint.raw(name) for name in checkpoint.names()}
    if source in ("bf16", "pdparams"):
        form = "safetensors" if source == "bf16" else source
        write_checkpoint(work / source, config, tensors, max_shard_bytes=SHARD_BYTES, form=form)
        return work / source
    from benchmarks.random_gguf import write_random_gguf

    write_random_gguf(work / f"{source}.gguf", checkpoint, source)
    return work / f"{source}.gguf"


def convert(path: Path, precision: str, store: Path) -> dict[str, Any]:
    """Packs a model, and measures this process."""
    from sampan import _native
    from sampan.quant import packing, store_writer

    native, reading, writing = _Clock(), _Clock(), _Clock()
    for name in ("pack_panels", "pack_rows", "crc32c"):
        setattr(_native, name, native.timed(getattr(_native, name)))
    packing._sources = reading.timed(packing._sources)  # type: ignore[assignment]
    store_writer._BlockWriter.write = writing.timed(store_writer._BlockWriter.write)  # type: ignore[method-assign]
    checkpoint: Checkpoint = open_checkpoint(path)
    threads = packing.num_processors()
    begin, cpu = time.perf_counter(), time.process_time()
    store_writer.write_store(store, checkpoint, precision, "0" * 64, threads=threads)
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    size = sum(file.stat().st_size for file in checkpoint.files() if file.suffix != ".json")
    return {
        "source": path.name,
        "precision": precision,
        "parameters": checkpoint.config.num_parameters,
        "threads": threads,
        "seconds": round(wall, 1),
        "read_mb_s": round(size / wall / 1e6),
        "written_mb_s": round(store.stat().st_size / wall / 1e6),
        "peak_rss_mb": _peak_megabytes(),
        "cpu_share": {
            "packing and checksums, C++": round(native.seconds / cpu, 2),
            "reading and widening": round(reading.seconds / cpu, 2),
            "writing": round(writing.seconds / cpu, 2),
            "all else": round(1 - (native.seconds + reading.seconds + writing.seconds) / cpu, 2),
        },
    }


def _peak_megabytes() -> int:
    """Of this program alone: `getrusage` counts what the process had before it became this program."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024


class _Clock:
    """Processor time that threads spend in functions."""

    def __init__(self) -> None:
        self.seconds, self._lock = 0.0, threading.Lock()

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            begin = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                with self._lock:
                    self.seconds += time.thread_time() - begin

        return call


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("work", type=Path, help="a folder on a disk with room for twice the model")
    parser.add_argument("--model", default="deepseek-r1-distill-qwen-1.5b", help="a name from `sampan list`")
    parser.add_argument("--source", choices=SOURCES, default="bf16")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--layers", type=int)
    parser.add_argument("--packed-from", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    store = options.work / "store"
    if options.packed_from is not None:
        print(json.dumps(convert(options.packed_from, options.precision, store)))
        return 0
    config = find(options.model).config
    assert config is not None
    config = replace(config, num_hidden_layers=options.layers or config.num_hidden_layers)
    options.work.mkdir(parents=True, exist_ok=True)
    path = make_source(options.work, config, options.source)
    try:
        command = [sys.executable, "-m", "benchmarks.conversion", options.work, "--precision", options.precision]
        return subprocess.run([*map(str, command), "--packed-from", str(path)], env=os.environ).returncode
    finally:
        store.unlink(missing_ok=True)
        shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    raise SystemExit(main())
