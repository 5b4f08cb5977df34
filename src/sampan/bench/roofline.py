"""The roofline picture as SVG: what was reached, below what the machine allows.

Both axes are logarithmic. To the right: products for each byte that is read; upwards: products a second. The sloping
roof is the speed of reading, the flat ones are the speeds of multiplying. The picture follows the reader's light or
dark scheme.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from sampan.bench.measure import Measurement
from sampan.bench.plan import DECODE
from sampan.bench.work import INTEGER, Limits

WIDTH, HEIGHT = 760, 500
LEFT, RIGHT, TOP, BOTTOM = 76, 736, 76, 440  # of the field
LINE, LETTER = 15, 6.4  # height of a label's line, width of one of its letters
STYLE = """
  svg { background: #fff; color: #1f2328; font: 12px system-ui, sans-serif }
  text { fill: currentColor } .title { font-size: 16px; font-weight: 600 } .faint { fill: #656d76 }
  .grid { stroke: #d8dee4 } .roof { stroke: #0969da; stroke-width: 2; fill: none } .other { stroke-dasharray: 5 5 }
  .gap { stroke: #bc4c00; stroke-dasharray: 2 3 } .point { fill: #bc4c00 } .roof-label { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; color: #e6edf3 } .faint { fill: #8d96a0 } .grid { stroke: #30363d }
    .roof { stroke: #58a6ff } .roof-label { fill: #58a6ff } .gap { stroke: #ffa657 } .point { fill: #ffa657 }
  }"""


class _Axis:
    """A logarithmic axis over a little more than the values given, on the pixels `first` to `last`."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        self.low, self.high = min(values) / 1.6, max(values) * 1.6
        self._first, self._last = first, last

    def __call__(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(self._first + share * (self._last - self._first), 1)

    def ticks(self) -> Iterator[float]:
        """1, 2, 5, 10, 20 ... as far as they are on it; over many decades only powers of ten."""
        steps = (1, 2, 5) if self.high / self.low < 1e4 else (1,)
        for exponent in range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))):
            yield from (step * 10.0**exponent for step in steps if self.low <= step * 10.0**exponent <= self.high)


def roofline_svg(measurements: Sequence[Measurement], limits: Limits, *, precision: str, title: str, note: str) -> str:
    """The picture as a whole file.

    Args:
        precision: of the weights; the roof that does not hold for it is dashed.
        note: a line below the title.
    """
    intensities = [measurement.work.intensity for measurement in measurements]
    ceilings = {"int8": limits.int8_gmac_s, "fp32": limits.fp32_gmac_s}
    ridges = [ceiling / limits.read_gb_s for ceiling in ceilings.values()]
    x = _Axis([*intensities, *ridges], LEFT, RIGHT)
    y = _Axis([*ceilings.values(), *(point.gmac_s for point in measurements), limits.read_gb_s * x.low], BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}\n</style>",
        f'<text class="title" x="{LEFT}" y="30">{escape(title)}</text>',
        f'<text class="faint" x="{LEFT}" y="50">{escape(note)}</text>',
        *_grid(x, y),
        *_roofs(x, y, limits.read_gb_s, ceilings, "int8" if precision in INTEGER else "fp32"),
        *_points(x, y, measurements, limits),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _grid(x: _Axis, y: _Axis) -> Iterator[str]:
    for tick in x.ticks():
        yield f'<line class="grid" x1="{x(tick)}" y1="{TOP}" x2="{x(tick)}" y2="{BOTTOM}"/>'
        yield f'<text class="faint" x="{x(tick)}" y="{BOTTOM + 18}" text-anchor="middle">{tick:g}</text>'
    for tick in y.ticks():
        yield f'<line class="grid" x1="{LEFT}" y1="{y(tick)}" x2="{RIGHT}" y2="{y(tick)}"/>'
        yield f'<text class="faint" x="{LEFT - 8}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>'
    below, beside = f'x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 44}"', f"translate(24 {(TOP + BOTTOM) / 2}) rotate(-90)"
    yield f'<text {below} text-anchor="middle">multiply-accumulates per byte read</text>'
    yield f'<text transform="{beside}" text-anchor="middle">10⁹ multiply-accumulates a second</text>'


def _roofs(x: _Axis, y: _Axis, read: float, ceilings: dict[str, float], own: str) -> Iterator[str]:
    """The slope up to this precision's ceiling, and the other ceiling as far as it lies below the slope."""
    for name, ceiling in ceilings.items():
        ridge = ceiling / read
        start = f"{x(x.low)},{y(read * x.low)} " if name == own else ""
        kind = "roof" if name == own else "roof other"
        yield f'<polyline class="{kind}" points="{start}{x(ridge)},{y(ceiling)} {x(x.high)},{y(ceiling)}"/>'
        yield (
            f'<text class="roof-label" x="{RIGHT}" y="{y(ceiling) - 7}" text-anchor="end">'
            f"{name}: {ceiling:.3g} G MAC/s</text>"
        )
    low, high = x.low, ceilings[own] / read
    angle = math.degrees(math.atan2(y(read * high) - y(read * low), x(high) - x(low)))
    middle = math.sqrt(low * high)
    yield (
        f'<text class="roof-label" transform="translate({x(middle)} {y(read * middle) - 8}) rotate({angle:.1f})" '
        f'text-anchor="middle">read: {read:.3g} GB/s</text>'
    )


def _points(x: _Axis, y: _Axis, measurements: Sequence[Measurement], limits: Limits) -> Iterator[str]:
    """Each with the way that it is below its limit, and its label below, where it covers no other."""
    taken: list[tuple[float, float, float]] = []  # left, right and baseline of labels
    for point in sorted(measurements, key=lambda point: point.work.intensity):
        fraction = point.fraction_of_limit(limits)
        at, reached, limit = x(point.work.intensity), y(point.gmac_s), y(point.gmac_s / fraction)
        load = point.workload
        name = f"decode {load.batch}" if load.phase == DECODE else f"prefill {load.tokens}"
        label = f"{name}: {point.tokens_per_s:.3g}/s, {fraction:.0%}"
        half = LETTER * len(label) / 2
        middle = min(max(at, LEFT + half), RIGHT - half)
        baseline = reached + LINE + 5
        while any(
            left < middle + half and middle - half < right and abs(line - baseline) < LINE
            for left, right, line in taken
        ):
            baseline += LINE
        taken.append((middle - half, middle + half, baseline))
        yield f'<line class="gap" x1="{at}" y1="{reached}" x2="{at}" y2="{limit}"/>'
        yield f'<circle class="point" cx="{at}" cy="{reached}" r="5"/>'
        yield f'<text x="{middle:.1f}" y="{baseline:.1f}" text-anchor="middle">{label}</text>'
