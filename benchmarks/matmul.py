"""How fast the integer products are, layer by layer, as fractions of what the machine could do.

    python -m benchmarks.matmul [--model NAME] [--format int8] [--rows 1 8 512]

Each kind of linear layer is multiplied over as many copies of its weights as keep them out of the caches, as in a whole
model. The machine's limits are read between the measurements; the best reading of each counts.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from sampan import _native, zoo
from sampan.bench import LimitReader
from sampan.config import ModelConfig
from sampan.machine import read_processor
from sampan.quant.pages import anonymous_memory

CODES_PER_BYTE = {"int8": 1, "int4": 2}
ROWS = (1, 4, 8, 16, 32, 64, 128, 512)
MIN_WEIGHT_BYTES = 256 * 2**20  # several times the last-level cache
PIECE_MACS = 4_000_000  # a call from Python costs microseconds: it should do much more than that
PIECE_PANELS = 8
READING_SECONDS = 0.01  # short enough to fall between two interruptions


@dataclass(frozen=True, slots=True)
class Layer:
    """Several matrices [n, k] of random codes, packed as in csrc/include/sampan/matmul.h."""

    format: str
    n: int
    k: int
    codes: npt.NDArray[np.uint8]  # [copies, bytes]
    scales: npt.NDArray[np.uint16]  # [copies, halves]

    @property
    def num_bytes(self) -> int:
        """Of one matrix."""
        return (self.codes.nbytes + self.scales.nbytes) // len(self.codes)


def make_layer(weight_format: str, n: int, k: int) -> Layer:
    """n must be a multiple of the panel."""
    num_codes = n * k // CODES_PER_BYTE[weight_format]
    copies = -(-MIN_WEIGHT_BYTES // num_codes)
    rng = np.random.default_rng(0)
    codes = anonymous_memory(copies * num_codes).reshape(copies, num_codes)
    codes.reshape(-1)[:] = np.frombuffer(rng.bytes(codes.size), np.uint8)
    scales = np.full((copies, n * k // _native.GROUP_SIZE), 0.01, np.float16).view(np.uint16)
    return Layer(weight_format, n, k, codes, scales)


def layer_shapes(config: ModelConfig) -> dict[str, tuple[int, int]]:
    """n and k of the linear layers as the native backend fuses them."""
    hidden, heads = config.hidden_size, config.num_attention_heads + 2 * config.num_key_value_heads
    return {
        "qkv": (heads * config.head_dim, hidden),
        "o": (hidden, config.num_attention_heads * config.head_dim),
        "gate_up": (2 * config.intermediate_size, hidden),
        "down": (hidden, config.intermediate_size),
        "lm_head": (config.vocab_size, hidden),
    }


class Product:
    """One layer times a number of rows, over all copies; threads take pieces of panels as they get to them."""

    def __init__(self, layer: Layer, rows: int, threads: ThreadPoolExecutor, num_threads: int) -> None:
        self._layer, self._threads, self._num_threads = layer, threads, num_threads
        x = np.random.default_rng(1).standard_normal((rows, layer.k), dtype=np.float32)
        groups = (rows, layer.k // _native.GROUP_SIZE)
        self._x = np.empty(x.shape, np.int8), np.empty(groups, np.float32), np.empty(groups, np.int32)
        _native.quantize_rows(x, *self._x)
        self._y = np.empty((rows, layer.n), np.float32)
        self.macs = rows * layer.n * layer.k

        panels = layer.n // _native.PANEL
        units = -(-PIECE_MACS // (rows * layer.k * _native.PANEL * PIECE_PANELS))
        step = PIECE_PANELS * units
        self._pieces = [
            (copy, begin, min(begin + step, panels))
            for copy in range(len(layer.codes))
            for begin in range(0, panels, step)
        ]
        self._next = itertools.count()

    def seconds(self, at_least: float) -> float:
        """Time of one product: goes on where it stopped last, for about that long."""
        start = time.perf_counter()
        panels = sum(self._threads.map(self._run, [start + at_least] * self._num_threads))
        return (time.perf_counter() - start) * (self._layer.n // _native.PANEL) / panels

    def _run(self, until: float) -> int:
        layer, done = self._layer, 0
        while done == 0 or time.perf_counter() < until:
            copy, begin, end = self._pieces[next(self._next) % len(self._pieces)]
            weights = layer.codes[copy], layer.scales[copy]
            _native.matmul(layer.format, *weights, layer.n, layer.k, *self._x, self._y, begin, end)
            done += end - begin
        return done


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matmul", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="deepseek-r1-distill-qwen-1.5b", help="whose shapes (default: %(default)s)")
    parser.add_argument("--format", nargs="+", choices=tuple(CODES_PER_BYTE), default=tuple(CODES_PER_BYTE))
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS)
    parser.add_argument("--layer", nargs="+", help="default: all")
    parser.add_argument("--threads", type=int, default=read_processor().physical, help="default: one for each core")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each measurement (default: %(default)s)")
    options = parser.parse_args(arguments)
    config = zoo.find(options.model).config
    if config is None:
        parser.error(f"{options.model} has no shapes of its own")

    limits = LimitReader(options.threads)
    best: dict[tuple[str, str, int], tuple[float, float]] = {}  # multiply-accumulates and bytes a second
    with ThreadPoolExecutor(options.threads) as threads:
        for weight_format, (name, (n, k)) in itertools.product(options.format, layer_shapes(config).items()):
            if options.layer and name not in options.layer:
                continue
            layer = make_layer(weight_format, n, k)
            for rows in options.rows:
                product = Product(layer, rows, threads, options.threads)
                end = time.perf_counter() + options.seconds
                seconds = product.seconds(READING_SECONDS)
                while time.perf_counter() < end:
                    seconds = min(seconds, product.seconds(READING_SECONDS))
                best[weight_format, name, rows] = product.macs / seconds, layer.num_bytes / seconds
                limits.read()
    report(best, limits)


def report(best: dict[tuple[str, str, int], tuple[float, float]], limits: LimitReader) -> None:
    """Prints the table."""
    bound = limits.limits
    table = Table("weights", "layer", "rows")
    for heading in ("G MAC/s", "of int8 limit", "GB/s", "of read limit"):
        table.add_column(heading, justify="right")
    for (weight_format, name, rows), (macs, read) in best.items():
        table.add_row(
            weight_format,
            name,
            str(rows),
            f"{macs / 1e9:.1f}",
            f"{macs / 1e9 / bound.int8_gmac_s:.0%}",
            f"{read / 1e9:.1f}",
            f"{read / 1e9 / bound.read_gb_s:.0%}",
        )
    console = Console()
    console.print(table)
    console.print(f"limits: {bound.read_gb_s:.1f} GB/s, {bound.int8_gmac_s:.0f} G MAC/s of int8 ({_native.isa()})")


if __name__ == "__main__":
    main()
