"""The driver's side of an engine's process (see `worker`)."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.comparison.environments import last_line

TIMEOUT_S = 600.0


class WorkerError(Exception):
    """An engine's process ended, or says nothing; the text says which and why."""


class Worker:
    """A started process that has answered its first prompt.

    Attributes:
        first_token_s: from the start of the process to the first token of a prompt of 16.
        versions: of the engine and its Python.

    Raises:
        WorkerError: it ended before.
    """

    def __init__(self, command: Sequence[str | Path], log: Path, variables: Mapping[str, str] | None = None) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        start = time.perf_counter()
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(variables or {})},
            )
        try:
            ready = self._answer()
        except BaseException:
            self.stop()
            raise
        self.first_token_s = time.perf_counter() - start
        self.versions: dict[str, str] = ready["versions"]

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Asks and waits for the answer.

        Raises:
            WorkerError: the process ended or is silent for ten minutes.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(last_line(self._log)) from None
        return self._answer()

    def stop(self) -> None:
        """Ends the process and waits for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], TIMEOUT_S)[0]:
            raise WorkerError(f"it said nothing for {TIMEOUT_S:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(last_line(self._log))
        answer: dict[str, Any] = json.loads(line)
        return answer
