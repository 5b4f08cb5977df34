"""Shows how a run goes: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

_SMOOTHING = 0.98  # of the shown loss and speed
_LOG_SECONDS = 20.0


class Progress:
    """Loss, tokens a second and the time that remains. Use as a context manager."""

    def __init__(self, num_steps: int, step: int) -> None:
        self.num_steps, self.step = num_steps, step
        self.loss = self.tokens_per_s = 0.0
        self.count = 0
        self.last = self.logged = time.monotonic()
        self.console = Console()
        columns = (
            TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
        )  # fmt: skip
        self.bar = Bar(*columns, console=self.console, disable=not self.console.is_terminal)
        self.task = self.bar.add_task("train", total=num_steps, completed=step, note="")

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def advance(self, loss: float, num_tokens: int) -> None:
        """Counts one step of `num_tokens` positions."""
        now = time.monotonic()
        speed = num_tokens / max(now - self.last, 1e-9)
        self.step, self.count, self.last = self.step + 1, self.count + 1, now
        weight = max(1.0 - _SMOOTHING, 1.0 / self.count)
        self.loss += weight * (loss - self.loss)
        self.tokens_per_s += weight * (speed - self.tokens_per_s)
        note = f"loss {self.loss:.4f}  {self.tokens_per_s:,.0f} tokens/s"
        self.bar.update(self.task, advance=1, note=note)
        if not self.console.is_terminal and (now - self.logged > _LOG_SECONDS or self.step == self.num_steps):
            self.logged = now
            self.console.print(f"step {self.step}/{self.num_steps}  {note}", highlight=False)
