"""What serving takes from the engine: tokens/s of many streams over HTTP, beside the engine alone in this process.

    python -m benchmarks.streaming            # the embedded model, 32 streams, in turn

Both run the same requests on the same machine, one after the other, several times: other load then weighs on both.
The client shares the machine with the server, so the figure is an upper bound of what serving costs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.load.server import sampan_serve
from sampan import LLM, SamplingParams


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=600, help="of each answer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of the engine; by default one for each core")
    options = parser.parse_args(arguments)
    prompts = [list(range(20 + i, 52 + i)) for i in range(options.streams)]
    params = {"max_tokens": options.tokens, "temperature": 0.8, "ignore_eos": True}
    num_tokens = options.streams * options.tokens
    llm = LLM(threads=options.threads)
    threads = [] if options.threads is None else ["--threads", str(options.threads)]
    with sampan_serve(["--log-level", "warning", *threads]) as (url, _):
        port = int(url.rpartition(":")[2])

        def alone() -> None:
            sampling = [SamplingParams(**params, seed=seed) for seed in range(len(prompts))]
            llm.generate(prompt_token_ids=prompts, sampling_params=sampling)

        def served() -> None:
            asyncio.run(_streams(port, prompts, params))

        speeds: dict[Callable[[], None], list[float]] = {alone: [], served: []}
        for number in range(options.rounds + 1):
            for run, found in speeds.items():
                began = time.perf_counter()
                run()
                if number:  # the first warms up
                    found.append(num_tokens / (time.perf_counter() - began))
    ratios = [second / first for first, second in zip(*speeds.values(), strict=True)]
    medians = [statistics.median(found) for found in speeds.values()]
    print(f"engine alone {medians[0]:.0f} tokens/s, {options.streams} streams {medians[1]:.0f} tokens/s")
    print(f"served / alone: median {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")
    return 0


async def _streams(port: int, prompts: Sequence[Sequence[int]], params: dict[str, Any]) -> None:
    bodies = [
        json.dumps({"prompt": prompt, "seed": seed, "stream": True, **params}).encode()
        for seed, prompt in enumerate(prompts)
    ]
    await asyncio.gather(*(_stream(port, body) for body in bodies))


async def _stream(port: int, body: bytes) -> None:
    """Reads to the end of one stream, with next to no work."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
    last = b""
    while data := await reader.read(65536):
        last = (last + data)[-64:]
    assert b"data: [DONE]" in last, last
    writer.close()


if __name__ == "__main__":
    raise SystemExit(main())
