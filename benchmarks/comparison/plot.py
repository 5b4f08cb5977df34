"""A comparison as a drawing: a panel for each figure, a bar for each engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from statistics import median
from typing import NamedTuple

from benchmarks.comparison.measurements import Measurements
from benchmarks.comparison.results import Comparison

COLOURS = {"Sampan": "#0f766e", "OpenVINO": "#94a3b8", "llama.cpp": "#cbd5e1"}
TEXT, FAINT = "#1f2937", "#6b7280"
WIDTH, MARGIN, COLUMNS = 960, 24, 3
TOP, GROUP_TITLE, PANEL_TITLE, ROW, GAP = 64, 40, 24, 22, 20
NAME_WIDTH, VALUE_WIDTH = 120, 46  # room for a name before its bar, and for a value behind it


class Bar(NamedTuple):
    """One engine's value in a panel."""

    name: str
    value: float


class Panel(NamedTuple):
    """One figure. `form` turns a value into text."""

    title: str
    bars: Sequence[Bar]
    form: Callable[[float], str]


def svg(comparison: Comparison, machine: str) -> str:
    """The drawing, for a white or a dark page. `machine` goes into the subtitle."""
    parts: list[str] = []
    y = TOP
    for bits in sorted({measured.bits for measured in comparison.measurements.values()}, reverse=True):
        parts.append(_text(MARGIN, y + 24, f"{bits} bits a weight", size=15, weight=600))
        y += GROUP_TITLE
        panels = _panels(comparison, bits)
        for start in range(0, len(panels), COLUMNS):
            row = panels[start : start + COLUMNS]
            for column, panel in enumerate(row):
                parts.append(_draw(panel, MARGIN + column * (WIDTH - MARGIN) // COLUMNS, y))
            y += PANEL_TITLE + ROW * max(len(panel.bars) for panel in row) + GAP
    subtitle = f"{comparison.model}, random weights, {comparison.threads} threads, {machine}"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
            'font-family="system-ui, sans-serif">',
            f'<rect width="{WIDTH}" height="{y}" fill="white"/>',
            _text(MARGIN, 32, "Sampan and other engines", size=19, weight=600),
            _text(MARGIN, 54, subtitle, size=12, colour=FAINT),
            *parts,
            "</svg>\n",
        )
    )


def _panels(comparison: Comparison, bits: int) -> list[Panel]:
    group = {name: measured for name, measured in comparison.measurements.items() if measured.bits == bits}

    def panel(title: str, value: Callable[[Measurements], float], form: Callable[[float], str]) -> Panel:
        return Panel(title, [Bar(name, value(measured)) for name, measured in group.items()], form)

    def speed(name: str) -> Panel:
        return panel(f"{name}, tokens/s", lambda measured: median(measured.tokens_per_s[name]), _speed)

    return [
        *(speed(work.name) for work in comparison.works),
        panel("memory, GB (less is better)", lambda measured: measured.resident_bytes / 1e9, "{:.2f}".format),
        panel("start, s (less is better)", lambda measured: median(measured.first_token_s), "{:.2f}".format),
    ]


def _speed(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _draw(panel: Panel, x: int, y: int) -> str:
    parts = [_text(x, y + 14, panel.title, size=12, colour=FAINT)]
    longest = (WIDTH - MARGIN) // COLUMNS - NAME_WIDTH - VALUE_WIDTH - MARGIN
    highest = max(bar.value for bar in panel.bars)
    for row, bar in enumerate(panel.bars):
        top, length = y + PANEL_TITLE + row * ROW, longest * bar.value / highest
        engine = bar.name.split()[0]
        weight = 600 if engine == "Sampan" else 400
        start = x + NAME_WIDTH
        parts += [
            _text(start - 8, top + 14, bar.name, size=12, weight=weight, anchor="end"),
            f'<rect x="{start}" y="{top + 2}" width="{length:.1f}" height="{ROW - 6}" rx="2" '
            f'fill="{COLOURS[engine]}"/>',
            _text(start + length + 6, top + 14, panel.form(bar.value), size=12, weight=weight),
        ]
    return "\n".join(parts)


def _text(
    x: float, y: float, text: str, *, size: int, weight: int = 400, colour: str = TEXT, anchor: str = "start"
) -> str:
    style = f'font-size="{size}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
