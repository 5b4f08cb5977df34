"""Measures engines in turn: A B C, B C A, C A B. While one works, the others' processes sleep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.comparison.contenders import Contender
from benchmarks.comparison.environments import SetupError
from benchmarks.comparison.measurements import Measurements, Work
from benchmarks.comparison.models import Workspace
from benchmarks.comparison.process import Worker, WorkerError

STARTS = 3  # the first fills caches on the disk and in memory, and does not count
Tell = Callable[[str], None]


def measure_group(
    contenders: Sequence[Contender],
    works: Sequence[Work],
    *,
    workspace: Workspace,
    threads: int,
    rounds: int,
    tell: Tell,
) -> tuple[dict[str, Measurements], dict[str, str]]:
    """Measures contenders of equal bits against each other.

    Args:
        tell: hears of each step before it is done.

    Returns:
        The measurements by name, and for those who had to be left out the reason.
    """
    found: dict[str, Measurements] = {}
    left_out: dict[str, str] = {}
    workers: dict[str, Worker] = {}
    try:
        for contender in contenders:
            try:
                found[contender.name], workers[contender.name] = _start(contender, workspace, threads, tell)
            except (SetupError, WorkerError) as error:
                left_out[contender.name] = str(error)
        for index in range(rounds):
            for work in works:
                for name in _rotated(list(workers), index):
                    tell(f"round {index + 1} of {rounds}: {work.name}, {name}")
                    try:
                        _measure(workers[name], work, index, found[name])
                    except WorkerError as error:
                        left_out[name] = str(error)
                        workers.pop(name).stop()
                        del found[name]
    finally:
        for worker in workers.values():
            worker.stop()
    return found, left_out


def _start(contender: Contender, workspace: Workspace, threads: int, tell: Tell) -> tuple[Measurements, Worker]:
    found = Measurements(contender.bits)
    for start in range(STARTS):
        tell(f"start {start + 1} of {STARTS}: {contender.name}")
        worker = contender.start(workspace, threads)
        if start > 0:
            found.first_token_s.append(worker.first_token_s)
        if start < STARTS - 1:
            worker.stop()
    found.versions = worker.versions
    return found, worker


def _measure(worker: Worker, work: Work, index: int, found: Measurements) -> None:
    answer = worker.ask(work.question(seed=f"{work.name}, round {index}"))  # no prompt comes twice
    speed = work.tokens_per_s(answer["prefill_s"], answer["decode_s"])
    found.tokens_per_s.setdefault(work.name, []).append(speed)
    found.resident_bytes, found.peak_bytes = answer["resident_bytes"], answer["peak_bytes"]


def _rotated(names: Sequence[str], turn: int) -> list[str]:
    """Each round begins with another, so that no one always works on a machine that another has warmed."""
    return [names[(turn + i) % len(names)] for i in range(len(names))]
