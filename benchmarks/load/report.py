"""The points of a run as a table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.load.summary import PERCENTILES, Point


def table(points: Sequence[Point]) -> Table:
    """Three lines for each load: the percentiles of its times, and beside them what else there is to say."""
    result = Table(
        box=SIMPLE_HEAD,
        show_lines=True,
        pad_edge=False,
        title="times in ms; processor time in cores",
        title_style="dim",
    )
    result.add_column("load", no_wrap=True)
    for heading in (
        "whole/s\ngood/s\ntokens/s",
        "",
        "first\ntoken",
        "between\ntokens",
        "end to\nend",
        "sent\nrefused\nfailed",
        "cores:\nclient\nserver",
    ):
        result.add_column(heading, justify="right", no_wrap=True)
    for point in points:
        server = "" if point.server_cpu is None else f"{point.server_cpu:.2f}"
        result.add_row(
            f"{point.load:g}/s" if point.loop == "open" else f"{point.load:g} open",
            f"{point.requests_per_s:.1f}\n{point.goodput_per_s:.1f}\n{point.tokens_per_s:,.0f}",
            "\n".join(f"{percent} %" for percent in PERCENTILES),
            *(_percentiles(point, figure) for figure in ("first_token", "between_tokens", "end_to_end")),
            f"{point.counts.requests}\n{point.refused}\n{_alarm(point.failed)}",
            f"\n{point.client_cpu:.2f}\n{server}",
        )
    return result


def _percentiles(point: Point, figure: str) -> str:
    times = point.times_ms.get(figure)
    return "-" if times is None else "\n".join(_short(times[f"p{percent}"]) for percent in PERCENTILES)


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.1f}" if milliseconds < 100 else f"{milliseconds:,.0f}"


def _alarm(failed: int) -> str:
    return f"[bold red]{failed}[/]" if failed else "0"
