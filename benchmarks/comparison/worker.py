"""The side of an engine: one process that loads a model once and then does work that it is asked for, line by line.

Runs in every engine's virtual environment and therefore imports the standard library alone. Answers are JSON lines on
what was the standard output; whatever an engine prints goes to the standard error stream.

A question is `{"batch": 8, "prompt_tokens": 16, "new_tokens": 32, "seed": "one"}`. Its answer gives the seconds up to
the first token of every prompt (`prefill_s`) and those of the tokens after it (`decode_s`), and the process's memory.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Engine(Protocol):
    """One loaded model. Greedy choice, and no token ends an answer: all engines do the same number of steps."""

    vocab_size: int
    versions: dict[str, str]

    def begin(self, prompts: Sequence[Sequence[int]], new_tokens: int) -> None:
        """Computes the prompts together, and the first token of each. `new_tokens` will be asked for in all."""

    def step(self) -> None:
        """Computes one more token for each."""

    def end(self) -> None:
        """Forgets the prompts. What was computed has been `new_tokens` for each.

        Raises:
            RuntimeError: it has not: the measurement is worth nothing.
        """


def serve(load: Callable[[], Engine]) -> None:
    """Loads, answers one prompt, says so, and then answers until the standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    engine = load()
    measure(engine, batch=1, prompt_tokens=16, new_tokens=1, seed="start")
    say({"versions": {"python": sys.version.split()[0], **engine.versions}, **memory()})
    for line in sys.stdin:
        say({**measure(engine, **json.loads(line)), **memory()})


def measure(engine: Engine, batch: int, prompt_tokens: int, new_tokens: int, seed: str) -> dict[str, float]:
    """Does the work of one question; prompts are random ids, so that no cache can hold them."""
    ids = random.Random(seed)
    prompts = [[ids.randrange(engine.vocab_size) for _ in range(prompt_tokens)] for _ in range(batch)]
    start = time.perf_counter()
    engine.begin(prompts, new_tokens)
    first = time.perf_counter()
    for _ in range(new_tokens - 1):
        engine.step()
    last = time.perf_counter()
    engine.end()
    return {"prefill_s": first - start, "decode_s": last - first}


def memory() -> dict[str, int]:
    """This process's resident memory now and at its highest, in bytes; mapped files that are in use count."""
    with open("/proc/self/status", encoding="ascii") as file:
        fields = dict(re.findall(r"^(\w+):\s+(\d+) kB$", file.read(), re.MULTILINE))
    return {"resident_bytes": int(fields["VmRSS"]) * 1024, "peak_bytes": int(fields["VmHWM"]) * 1024}
