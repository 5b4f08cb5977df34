"""What drawing one token costs: the native sampler beside its numpy twin, on one core.

    python -m benchmarks.sampler [--vocab-size 151936] [--json]

Two rows of logits: `peaked`, as a language model makes them (a few tokens share the mass), and `flat`, which leaves
filters nothing cheap to throw away. Times are the best of many calls, in microseconds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from sampan import _native
from sampan.backends.base import Float32Array, SamplingBatch, SparseRows, TokenMasks
from sampan.backends.sampler import sample

KINDS: dict[str, dict[str, float]] = {
    "greedy": {"temperature": 0.0},
    "greedy, 5 log-probabilities": {"temperature": 0.0, "num_logprobs": 5},
    "temperature": {"temperature": 0.6},
    "top-p 0.95": {"temperature": 0.6, "top_p": 0.95},
    "top-k 50": {"temperature": 0.6, "top_k": 50},
    "top-k 50, top-p 0.95": {"temperature": 0.6, "top_k": 50, "top_p": 0.95},
    "top-k 5000": {"temperature": 0.6, "top_k": 5000},
    "min-p 0.05": {"temperature": 0.6, "min_p": 0.05},
    "top-p 0.95, 1000 penalties": {"temperature": 0.6, "top_p": 0.95, "num_seen": 1000},
    "top-p 0.95, half forbidden": {"temperature": 0.6, "top_p": 0.95, "allowed_share": 0.5},
    "top-p 0.95, 1% allowed": {"temperature": 0.6, "top_p": 0.95, "allowed_share": 0.01},
}


def rows_of_logits(vocab_size: int) -> dict[str, Float32Array]:
    rng = np.random.default_rng(0)
    peaked = rng.normal(size=vocab_size) * 2.5
    peaked[rng.integers(0, vocab_size, 30)] += rng.uniform(5, 15, 30)
    flat = rng.normal(size=vocab_size) * 0.5
    return {"peaked": peaked.astype(np.float32)[None], "flat": flat.astype(np.float32)[None]}


def batch_of(kind: dict[str, float], vocab_size: int) -> SamplingBatch:
    def one(value: float, dtype: type[np.generic]) -> np.ndarray:
        return np.array([value], dtype)

    def sparse(size: int) -> SparseRows:
        ids = np.arange(0, vocab_size, max(vocab_size // max(size, 1), 1), dtype=np.int32)[:size]
        return SparseRows(np.array([0, len(ids)], np.int32), ids, np.ones(len(ids), np.float32))

    def mask_of(share: float) -> TokenMasks:
        allowed = np.random.default_rng(0).random(-(-vocab_size // 32) * 32) < share
        return TokenMasks(one(0, np.int32), np.packbits(allowed, bitorder="little").view(np.uint32)[None])

    return SamplingBatch(
        temperature=one(kind["temperature"], np.float32),
        top_k=one(kind.get("top_k", 0), np.int32),
        top_p=one(kind.get("top_p", 1.0), np.float32),
        min_p=one(kind.get("min_p", 0.0), np.float32),
        seeds=one(1, np.uint64),
        positions=one(1, np.int64),
        repetition_penalty=one(1.0, np.float32),  # changes nothing, as calls are repeated, but costs the same
        presence_penalty=one(0.0, np.float32),
        frequency_penalty=one(0.0, np.float32),
        num_logprobs=one(kind.get("num_logprobs", -1), np.int32),
        given=one(-1, np.int32),
        seen=sparse(int(kind.get("num_seen", 0))),
        bias=sparse(0),
        masks=mask_of(kind["allowed_share"]) if "allowed_share" in kind else None,
    )


def best_us(call: Callable[[], object], seconds: float, prepare: Callable[[], object] = lambda: None) -> float:
    times: list[float] = []
    while sum(times) < seconds or len(times) < 5:
        prepare()
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) * 1e6


def measure(logits: Float32Array, batch: SamplingBatch, seconds: float = 0.15) -> dict[str, float]:
    """Microseconds a row, for each instruction set and for numpy."""
    columns = 1 + int(batch.num_logprobs[0])
    outputs = (np.empty(1, np.int32), np.empty(1, np.int32), np.empty((1, columns), np.int32))
    logprobs = np.empty((1, columns), np.float32)
    scratch = logits.copy()  # masks change it

    def call(isa: str) -> None:
        _native.sample(scratch, batch, *outputs, logprobs, isa)

    def restore() -> None:
        np.copyto(scratch, logits)

    isas = reversed(_native.supported_isas())
    result = {isa: best_us(partial(call, isa), seconds, restore) for isa in isas}
    return {**result, "numpy": best_us(lambda: sample(logits, batch), seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocab-size", type=int, default=151_936)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    results = [
        {"logits": name, "kind": kind, "us": measure(logits, batch_of(how, options.vocab_size))}
        for name, logits in rows_of_logits(options.vocab_size).items()
        for kind, how in KINDS.items()
    ]
    if options.json:
        print(json.dumps({"vocab_size": options.vocab_size, "results": results}))
        return
    print(f"{'microseconds a row':36}" + "".join(f"{column:>10}" for column in results[0]["us"]))
    for row in results:
        print(f"{row['logits'] + ', ' + row['kind']:36}" + "".join(f"{value:10.0f}" for value in row["us"].values()))


if __name__ == "__main__":
    main()
