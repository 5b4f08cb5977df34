"""An engine's process without an engine. `python fake_worker.py WORD` does what the word says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.comparison.worker import serve


class FakeEngine:
    """Counts its steps."""

    vocab_size = 100
    versions = {"fake": "1.0"}  # noqa: RUF012

    def begin(self, prompts: Sequence[Sequence[int]], new_tokens: int) -> None:
        if len(prompts) == 32 and "dies" in sys.argv:
            print("too many prompts for me", file=sys.stderr)
            sys.exit(1)
        print("engines print what they like")
        self.expected, self.steps = new_tokens, 1

    def step(self) -> None:
        self.steps += 1

    def end(self) -> None:
        if self.steps != self.expected:
            raise RuntimeError("wrong number of steps")


if "unloadable" in sys.argv:
    sys.exit("no such model")
serve(FakeEngine)
