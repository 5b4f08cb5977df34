"""What a pull shows: on a terminal a bar with bytes, rate and the time that is left, else a line now and then."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from shutil import disk_usage
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sampan.checkpoint import models_home
from sampan.cli.sizes import human_bytes
from sampan.cli.terminal import Style, printable
from sampan.quant.sizes import weight_sizes

if TYPE_CHECKING:
    from rich.progress import Progress

    from sampan.hub import Order, Plan, Pulled, Terms

LINE_SECONDS = 10.0  # between two lines where there is no terminal


class Download:
    """An observer of a pull that writes to stderr."""

    def __init__(self, order: Order) -> None:
        self._order, self._style = order, Style.of(sys.stderr)
        self._begun = self._said = time.monotonic()
        self._bar: Progress | None = None
        self._showing, self._first = "", 0
        self._stack = ExitStack()

    def __enter__(self) -> Download:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()
        if kind is KeyboardInterrupt:
            self._say("stopped; what has come is kept: the same command goes on from here")

    def waits(self) -> None:
        self._show("Waiting: another process pulls it", 0, 0)

    def begins(self, plan: Plan) -> None:
        order = plan.order
        at = f" at {plan.commit[:12]}" if plan.commit else ""
        self._say(f"{order.wanted.repository}{at} from {order.hub.endpoint}, {human_bytes(plan.total)}")
        if plan.moved_from:
            self._say(f"{order.revision} has moved on from {plan.moved_from[:12]}; files that are the same are kept")
        if 0 < plan.missing < plan.total:
            self._say(f"{human_bytes(plan.total - plan.missing)} of it are here already")

    def learns(self, terms: Terms) -> None:
        self._say(f"licence: {terms.license or 'none stated; see the README'}", style=None)
        packed = weight_sizes(terms.config).get("int8") if terms.config is not None else None
        if packed is not None:
            free = disk_usage(models_home()).free - terms.missing
            self._say(f"using it takes another {human_bytes(packed)} of disk, for its weights packed as int8")
            if packed > free:
                self._say(f"the disk will have only {human_bytes(max(free, 0))} for them: free some space before")

    def reports(self, what: str, done: int, total: int) -> None:
        self._show(what, done, total)

    def _say(self, text: str, style: str | None = "dim") -> None:
        line = printable(text, lines=False)
        if self._bar is not None:
            self._bar.console.print(line, style=style, markup=False, highlight=False)
        else:
            print(self._style.dim(line) if style else line, file=sys.stderr, flush=True)

    def _show(self, what: str, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            self._show_line(what, done, total)
            return
        if what != self._showing:
            self._showing = what
            self._stack.close()
            self._bar = self._stack.enter_context(_make_bar())
            self._stack.callback(setattr, self, "_bar", None)
            self._task = self._bar.add_task(what, total=total or None, completed=done)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total or None)

    def _show_line(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != self._showing:
            self._showing, self._first, self._begun, self._said = what, done, now, now
        if now - self._said < LINE_SECONDS:
            return
        self._said = now
        if not total:
            self._say(what)
            return
        rate = max(done - self._first, 1) / (now - self._begun)
        left = int((total - done) / rate)
        self._say(
            f"{what}: {done / total:.0%}, {human_bytes(done)} of {human_bytes(total)}, {human_bytes(rate)}/s, "
            f"{left // 60} min {left % 60} s left"
        )


def _make_bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
        transient=True,
    )


def as_json(order: Order, pulled: Pulled) -> dict[str, Any]:
    """What a script may want to know of a pull."""
    manifest = pulled.manifest
    return {
        "name": order.name,
        "path": str(pulled.folder),
        "source": manifest.source,
        "endpoint": manifest.endpoint,
        "repository": manifest.repository,
        "revision": manifest.revision,
        "commit": manifest.commit or None,
        "license": manifest.license or None,
        "pulled": manifest.pulled,
        "bytes": manifest.size,
        "fetched_bytes": pulled.fetched,
        "files": {name: {"size": record.size, "sha256": record.sha256} for name, record in manifest.files.items()},
    }


def print_pulled(order: Order, pulled: Pulled) -> None:
    """Where it is, and what to do next."""
    name = order.name if order.entry is not None else order.wanted
    what = "is here" if pulled.fetched else "was here already"
    print(f"{name} {what}: {human_bytes(pulled.manifest.size)} in {pulled.folder}")
    print(f"next: sampan chat {name}")
