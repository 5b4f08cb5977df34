"""Shows that something slow goes on, where someone is watching."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

PATIENCE = 1.0  # seconds before anything is shown

Report = Callable[[str, int, int], None]


@contextmanager
def progress(what: str) -> Iterator[Report]:
    """A spinner with the time gone by, on stderr if that is a terminal, once the body takes longer than a second.

    The body may report what it does, how much of it is done and of how much: that makes a bar with the time that is
    left. A total of 0 is one that nobody knows, and makes none.
    """
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    state = _State(what)
    watcher = threading.Thread(target=_watch, args=(state,), daemon=True)
    watcher.start()
    try:
        yield state.report
    finally:
        state.ended.set()
        watcher.join()


class _State:
    """What the body said last."""

    def __init__(self, what: str) -> None:
        self.now = (what, 0, 0)
        self.ended = threading.Event()

    def report(self, what: str, done: int, total: int) -> None:
        self.now = (what, done, total)


def _watch(state: _State) -> None:
    if state.ended.wait(PATIENCE):
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    text, console = TextColumn("{task.description}", markup=False), Console(stderr=True)
    spinner = Progress(SpinnerColumn(), text, TimeElapsedColumn(), console=console, transient=True)
    bar = Progress(
        SpinnerColumn(),
        text,
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console,
        transient=True,
    )
    with ExitStack() as shown:
        showing = None
        while not state.ended.wait(0.1):
            what, done, total = state.now
            if showing != (what, total):
                showing = what, total
                shown.close()
                view = shown.enter_context(bar if total else spinner)
                task = view.add_task(what, total=total or None)
                shown.callback(view.remove_task, task)
            view.update(task, completed=done)
