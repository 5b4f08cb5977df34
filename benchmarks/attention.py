"""Attention against the machine's limits, which are measured in the same run: both move on a shared machine.

    python -m benchmarks.attention --threads 2

Decoding is one token of each layer's cache, so that keys and values come from memory: its time over that of reading
their bytes. Prefilling is one prompt in one layer: its multiply-accumulates over the machine's. The best of the rounds
counts, of the work and of the limits.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from sampan import _native
from sampan._native import BLOCK_SIZE
from sampan.bench.limits import LimitReader
from sampan.config import ModelConfig
from sampan.zoo import find

TYPES = {"fp32": np.float32, "bf16": np.uint16, "int8": np.int8}
CONTEXTS = (1024, 4096, 16384, 32768)
PROMPTS = (512, 2048)
LAYERS_PER_PIECE = 2
QUERY_TOKENS = 16  # one piece of a prompt


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    phase: str
    tokens: int
    seconds: float
    fraction: float  # decode: reading the bytes / the whole time; prefill: multiply-accumulates / the limit


class Attention:
    """The caches of some layers in one paged cache; layer l has the blocks that `tables[l]` names."""

    def __init__(self, config: ModelConfig, kv_format: str, context: int, num_layers: int) -> None:
        heads, head_dim = config.num_key_value_heads, config.head_dim
        blocks = context // BLOCK_SIZE
        rng = np.random.default_rng(0)
        dtype = TYPES[kv_format]
        self.keys = np.full((num_layers * blocks, heads, head_dim, BLOCK_SIZE), 1, dtype)
        self.values = np.full((num_layers * blocks, heads, BLOCK_SIZE, head_dim), 1, dtype)
        scales = np.full((*self.keys.shape[:2], BLOCK_SIZE), 0.01, np.float32) if kv_format == "int8" else None
        self.cache = (self.keys, self.values, scales, scales)
        tables = [rng.permutation(blocks) + layer * blocks for layer in range(num_layers)]
        self.tables = np.stack(tables).astype(np.int32)
        self.context = context
        self.shape = (config.num_attention_heads, head_dim)

    @property
    def num_bytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    def decode_piece(self, begin: int) -> None:
        """One token of some layers."""
        tables = self.tables[begin : begin + LAYERS_PER_PIECE]
        self._attend(tables, np.full(len(tables), self.context - 1), 1)

    def prefill_piece(self, begin: int) -> None:
        """Some tokens of the first layer's prompt."""
        self._attend(self.tables[:1], np.array([begin]), QUERY_TOKENS)

    def _attend(self, tables: npt.NDArray[np.int32], first: npt.NDArray[np.int64], num_tokens: int) -> None:
        q = np.full((len(tables), num_tokens, *self.shape), 0.01, np.float32)
        _native.attend(*self.cache, q, first, tables, np.empty_like(q))


def measure(
    pool: ThreadPoolExecutor, reader: LimitReader, rounds: int, work: Callable[[int], None], pieces: Sequence[int]
) -> float:
    """Seconds of the best round; the threads take piece by piece. Limits are read between the rounds."""
    best = float("inf")
    for _ in range(rounds):
        reader.read()
        start = time.perf_counter()
        list(pool.map(work, pieces))
        best = min(best, time.perf_counter() - start)
    return best


def run(config: ModelConfig, kv_format: str, threads: int, rounds: int) -> list[Result]:
    """Decoding at all contexts, then prefilling."""
    reader = LimitReader(threads)
    results = []
    with ThreadPoolExecutor(threads) as pool:
        for context in CONTEXTS:
            attention = Attention(config, kv_format, context, config.num_hidden_layers)
            pieces = range(0, config.num_hidden_layers, LAYERS_PER_PIECE)
            seconds = measure(pool, reader, rounds, attention.decode_piece, pieces)
            streaming = attention.num_bytes / reader.limits.read_gb_s / 1e9
            results.append(Result("decode", context, seconds, streaming / seconds))
        for tokens in PROMPTS:
            attention = Attention(config, kv_format, tokens, 1)
            seconds = measure(pool, reader, rounds, attention.prefill_piece, range(0, tokens, QUERY_TOKENS))
            macs = tokens * (tokens + 1) * config.num_attention_heads * config.head_dim  # scores and values
            results.append(Result("prefill", tokens, seconds, macs / seconds / reader.limits.fp32_gmac_s / 1e9))
    return results


def main() -> None:
    """Prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="deepseek-r1-distill-qwen-1.5b", help="whose shape")
    parser.add_argument("--kv-cache", choices=TYPES, default="bf16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = run(find(options.model).config, options.kv_cache, options.threads, options.rounds)
    if options.json:
        print(json.dumps([vars(result) for result in results], indent=2))
        return
    table = Table("phase", "tokens", "ms", "of the limit", title=f"attention, {options.kv_cache}, {options.model}")
    for result in results:
        table.add_row(result.phase, str(result.tokens), f"{result.seconds * 1e3:.2f}", f"{result.fraction:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
