"""A `sampan serve` of our own, and the processor time that it takes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

READY = "Sampan listening on "


class ServerError(Exception):
    """The server did not start."""


@contextmanager
def sampan_serve(arguments: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Starts `sampan serve` on a free port and ends it afterwards. Yields its address and its process id.

    Raises:
        ServerError: it ended instead of listening.
    """
    command = [sys.executable, "-m", "sampan", "serve", *arguments, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith(READY):
                raise ServerError(f"`{' '.join(command[1:])}` did not start")
            yield line.removeprefix(READY).strip(), process.pid
        finally:
            process.terminate()


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and all below it that live now (proc(5): fields 14 and 15 of `stat`)."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(folder.name)] = int(fields[1])
        ticks[int(folder.name)] = int(fields[11]) + int(fields[12])

    def is_ours(process: int) -> bool:
        while process not in (0, pid):
            process = parents.get(process, 0)
        return process == pid

    return sum(ticks[process] for process in ticks if is_ours(process)) / os.sysconf("SC_CLK_TCK")
