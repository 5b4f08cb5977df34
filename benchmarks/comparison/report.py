"""A comparison as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from rich.table import Table

from benchmarks.comparison.measurements import Measurements, Ratio
from benchmarks.comparison.results import Comparison


def tables(comparison: Comparison) -> Iterator[Table]:
    """One table for each number of bits: the figures, and below them Sampan's ratios to each other engine."""
    for bits in sorted({measured.bits for measured in comparison.measurements.values()}, reverse=True):
        yield _table(comparison, bits)


def _table(comparison: Comparison, bits: int) -> Table:
    names = [work.name for work in comparison.works]
    table = Table(title=f"{bits} bits a weight", title_justify="left", title_style="bold")
    table.add_column("engine", no_wrap=True)
    for name in names:
        table.add_column(f"{name}\ntokens/s", justify="right")
    table.add_column("memory\nMB", justify="right")
    table.add_column("start to first\ntoken, s", justify="right")
    group = {name: measured for name, measured in comparison.measurements.items() if measured.bits == bits}
    for name, measured in group.items():
        table.add_row(name, *_figures(measured, names))
    table.add_section()
    for (mine, theirs), ratios in comparison.pairs().items():
        if mine in group:
            cells = [_cell(ratios[name], more_is_better=True) for name in names]
            cells += [_cell(ratios[name], more_is_better=False) for name in ("memory", "start")]
            table.add_row(f"{mine} / {theirs}", *cells)
    return table


def _figures(measured: Measurements, names: list[str]) -> list[str]:
    speeds = [f"{median(measured.tokens_per_s[name]):.1f}" for name in names]
    return [*speeds, f"{measured.resident_bytes / 1e6:,.0f}", f"{median(measured.first_token_s):.2f}"]


def _cell(ratio: Ratio, *, more_is_better: bool) -> str:
    better = ratio.median > 1 if more_is_better else ratio.median < 1
    return f"[{'green' if better else 'red'}]{ratio.median:.2f}x[/]"
