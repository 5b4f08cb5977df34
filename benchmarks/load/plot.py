"""Latency, and what got done, against the offered load, as a drawing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.comparison.plot import FAINT, text
from benchmarks.load.summary import Point

WIDTH, HEIGHT, MARGIN, TOP, LEFT, GAP = 960, 390, 24, 96, 52, 20
COLUMNS = 3
BOTTOM = 62  # below a panel: its axis
GRID = "#e5e7eb"
SHADES = ("#99d5cf", "#2fa397", "#0f766e")
GREY = "#94a3b8"


class Line(NamedTuple):
    """One curve: its name, its colour, and its height at each load."""

    name: str
    colour: str
    values: Sequence[float]


def svg(points: Sequence[Point], title: str, subtitle: str) -> str:
    """Three panels: time to the first token, time to the end, and answers a second. Wants points of one kind of
    loop."""
    points = sorted(points, key=lambda point: point.load)
    loads = [point.load for point in points]
    percentiles = [(f"{name[1:]} %", name) for name in ("p50", "p90", "p99")]

    def times(figure: str) -> list[Line]:
        return [
            Line(label, colour, [point.times_ms.get(figure, {}).get(name, math.nan) for point in points])
            for (label, name), colour in zip(percentiles, SHADES, strict=True)
        ]

    rates = [
        Line("complete", GREY, [point.requests_per_s for point in points]),
        Line("good", SHADES[-1], [point.goodput_per_s for point in points]),
    ]
    axis = "requests/s offered" if points[0].loop == "open" else "requests at a time"
    panels = [
        _panel(0, "time to the first token, ms", axis, loads, times("first_token"), logarithmic=True),
        _panel(1, "time to the end, ms", axis, loads, times("end_to_end"), logarithmic=True),
        _panel(2, "answers/s", axis, loads, rates, logarithmic=False),
    ]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
            'font-family="system-ui, sans-serif">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            text(MARGIN, 32, title, size=19, weight=600),
            text(MARGIN, 54, subtitle, size=12, colour=FAINT),
            *panels,
            "</svg>\n",
        )
    )


def _panel(
    column: int, title: str, axis: str, loads: Sequence[float], lines: Sequence[Line], *, logarithmic: bool
) -> str:
    width = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
    left, right = MARGIN + column * (width + GAP) + LEFT, MARGIN + column * (width + GAP) + width
    top, bottom = TOP + 24, HEIGHT - BOTTOM
    known = [value for line in lines for value in line.values if value > 0]
    ticks = _powers(known) if logarithmic else _round_steps(max(known, default=1.0))
    height_of: Callable[[float], float] = math.log10 if logarithmic else float
    low, high = height_of(ticks[0]), height_of(ticks[-1])

    def x_of(load: float) -> float:
        return left + (right - left) * load / max(loads)

    def y_of(value: float) -> float:
        return bottom - (bottom - top) * (height_of(value) - low) / (high - low)

    parts = [text(left - LEFT, TOP, title, size=13, weight=600)]
    for tick in ticks:
        y = y_of(tick)
        parts.append(f'<line x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(text(left - 6, y + 4, f"{tick:g}", size=11, colour=FAINT, anchor="end"))
    for load in _apart(loads, max(loads) / 6):
        parts.append(text(x_of(load), bottom + 16, f"{load:g}", size=11, colour=FAINT, anchor="middle"))
    parts.append(text((left + right) / 2, bottom + 32, axis, size=11, colour=FAINT, anchor="middle"))
    for index, line in enumerate(lines):
        places = [(x_of(load), y_of(value)) for load, value in zip(loads, line.values, strict=True) if value > 0]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{line.colour}"/>' for x, y in places]
        parts.append(text(left + index * 80, bottom + 52, f"● {line.name}", size=11, colour=line.colour))
    return "\n".join(parts)


def _powers(values: Sequence[float]) -> list[float]:
    """Powers of ten around all values, two at least."""
    low = math.floor(math.log10(min(values, default=1.0)))
    high = max(math.ceil(math.log10(max(values, default=10.0))), low + 1)
    return [10.0**power for power in range(low, high + 1)]


def _round_steps(highest: float) -> list[float]:
    """From 0 in four to eight round steps to the highest value or above it."""
    unit = 10.0 ** math.floor(math.log10(highest / 4))
    step = next(unit * factor for factor in (1, 2, 5, 10) if highest / (unit * factor) <= 8)
    return [step * index for index in range(math.ceil(highest / step) + 1)]


def _apart(loads: Sequence[float], distance: float) -> list[float]:
    """Loads that lie so far apart that their names do not touch; the highest is among them."""
    kept: list[float] = []
    for load in reversed(loads):
        if not kept or kept[-1] - load >= distance:
            kept.append(load)
    return kept
