"""Results for scripts (`--json`) and for people (tables)."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from typing import Any

from sampan.cli.terminal import printable

UNLIMITED = 10_000  # columns


def print_json(value: Any) -> None:
    """One JSON document and a newline on stdout; Chinese stays readable where stdout can carry it."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(value, ensure_ascii=not unicode, indent=2))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str | None], folding: Collection[str]
) -> None:
    """A table on stdout. Without a terminal, lines are as long as they must be.

    Args:
        styles: one for each row, in rich's words.
        folding: columns that may break into lines where the terminal is narrow.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else UNLIMITED)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column not in folding)
    for row, style in zip(rows, styles, strict=True):
        table.add_row(*(Text(printable(cell, lines=False)) for cell in row), style=style)
    with console.capture() as capture:
        console.print(table)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))
