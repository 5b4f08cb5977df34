"""Attention against the machine's limits, which are measured in the same run: both move on a shared machine.

    python -m benchmarks.attention --threads 2

Decoding is one token, a few layers at a time, of a cache so large that keys and values come from memory: the time of
reading their bytes over its own. Prefilling is one prompt in one layer: its multiply-accumulates over the machine's.
The best of many short readings counts, of the work and of the limits: other programs can only make them worse.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from sampan import _native
from sampan._native import BLOCK_SIZE
from sampan.bench.limits import LimitReader
from sampan.config import ModelConfig
from sampan.quant.pages import anonymous_memory
from sampan.zoo import find

T = TypeVar("T")
TYPES = {"fp32": np.float32, "fp16": np.float16, "bf16": np.uint16, "int8": np.int8}
CONTEXTS = (1024, 4096, 16384, 32768)
PROMPTS = (512, 2048)
QUERY_TOKENS = 16  # one piece of a prompt
READING_BYTES = 16 * 2**20  # that one reading of decoding takes at least


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    phase: str
    tokens: int
    layer_ms: float
    fraction: float  # decode: reading the bytes / the whole time; prefill: multiply-accumulates / the limit


def ones(shape: tuple[int, ...], dtype: type) -> npt.NDArray[np.generic]:
    """In huge pages, as the decoder's cache is."""
    array = anonymous_memory(math.prod(shape) * np.dtype(dtype).itemsize).view(dtype).reshape(shape)
    array[...] = 1
    return array


class Attention:
    """The caches of some layers in one paged cache; layer l has the blocks that `tables[l]` names."""

    def __init__(self, config: ModelConfig, kv_format: str, context: int, num_layers: int) -> None:
        heads, head_dim = config.num_key_value_heads, config.head_dim
        blocks = context // BLOCK_SIZE
        rng = np.random.default_rng(0)
        dtype = TYPES[kv_format]
        self.keys = ones((num_layers * blocks, heads, head_dim, BLOCK_SIZE), dtype)
        self.values = ones((num_layers * blocks, heads, BLOCK_SIZE, head_dim), dtype)
        scales = np.full((*self.keys.shape[:2], BLOCK_SIZE), 0.01, np.float32) if kv_format == "int8" else None
        self.cache = (self.keys, self.values, scales, scales)
        tables = [rng.permutation(blocks) + layer * blocks for layer in range(num_layers)]
        self.tables = np.stack(tables).astype(np.int32)
        self.context = context
        self.shape = (config.num_attention_heads, head_dim)

    @property
    def layer_bytes(self) -> int:
        return (self.keys.nbytes + self.values.nbytes) // len(self.tables)

    def decode_piece(self, layers: range) -> None:
        """One token of some layers."""
        tables = self.tables[layers.start : layers.stop]
        self._attend(tables, np.full(len(tables), self.context - 1), 1)

    def prefill_piece(self, begin: int) -> None:
        """Some tokens of the first layer's prompt."""
        self._attend(self.tables[:1], np.array([begin]), QUERY_TOKENS)

    def _attend(self, tables: npt.NDArray[np.int32], first: npt.NDArray[np.int64], num_tokens: int) -> None:
        q = np.full((len(tables), num_tokens, *self.shape), 0.01, np.float32)
        _native.attend(*self.cache, q, first, tables, np.empty_like(q))


def timed(pool: ThreadPoolExecutor, work: Callable[[T], None], pieces: Iterable[T]) -> float:
    """Seconds until the threads have done all pieces, each taking the next when it is free."""
    start = time.perf_counter()
    list(pool.map(work, pieces))
    return time.perf_counter() - start


def decode(pool: ThreadPoolExecutor, reader: LimitReader, rounds: int, threads: int, attention: Attention) -> Result:
    """All layers in every round; the best group of layers counts."""
    num_layers = len(attention.tables)
    piece = max(1, min(-(-READING_BYTES // (threads * attention.layer_bytes)), num_layers // threads))
    group = piece * threads
    seconds = []
    for _ in range(rounds):
        reader.read()
        for first in range(0, num_layers - group + 1, group):
            pieces = [range(begin, begin + piece) for begin in range(first, first + group, piece)]
            seconds.append(timed(pool, attention.decode_piece, pieces) / group)
    streaming = attention.layer_bytes / reader.limits.read_gb_s / 1e9
    return Result("decode", attention.context, min(seconds) * 1e3, streaming / min(seconds))


def prefill(pool: ThreadPoolExecutor, reader: LimitReader, rounds: int, attention: Attention) -> Result:
    """One layer's attention over a whole prompt."""
    tokens = attention.context
    seconds = []
    for _ in range(rounds):
        reader.read()
        seconds.append(timed(pool, attention.prefill_piece, range(0, tokens, QUERY_TOKENS)))
    heads, head_dim = attention.shape
    macs = tokens * (tokens + 1) * heads * head_dim  # scores and values
    return Result("prefill", tokens, min(seconds) * 1e3, macs / min(seconds) / reader.limits.fp32_gmac_s / 1e9)


def run(config: ModelConfig, kv_format: str, threads: int, rounds: int) -> list[Result]:
    """Decoding at all contexts, then prefilling."""
    reader = LimitReader(threads)
    results = []
    with ThreadPoolExecutor(threads) as pool:
        for context in CONTEXTS:
            attention = Attention(config, kv_format, context, config.num_hidden_layers)
            results.append(decode(pool, reader, rounds, threads, attention))
        for tokens in PROMPTS:
            results.append(prefill(pool, reader, rounds, Attention(config, kv_format, tokens, 1)))
    return results


def main() -> None:
    """Prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="deepseek-r1-distill-qwen-1.5b", help="whose shape")
    parser.add_argument("--kv-cache", choices=TYPES, default="fp16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = run(find(options.model).config, options.kv_cache, options.threads, options.rounds)
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
        return
    table = Table(
        "phase", "tokens", "ms a layer", "of the limit", title=f"attention, {options.kv_cache}, {options.model}"
    )
    for result in results:
        table.add_row(result.phase, str(result.tokens), f"{result.layer_ms:.3f}", f"{result.fraction:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
