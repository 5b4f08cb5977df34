"""The roofline picture as SVG: what was reached, below what the machine allows.

Both axes are logarithmic. To the right: products for each byte that is read; upwards: products a second. The roof
slopes as far as reading is the limit, and is flat where multiplying is. It follows the reader's light or dark scheme.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from sampan.bench.plan import DECODE
from sampan.bench.timing import Measurement
from sampan.bench.work import Limits
from sampan.quant.layout import QUANTIZED

WIDTH, HEIGHT = 760, 500
LEFT, RIGHT, TOP, BOTTOM = 76, 736, 76, 440  # of the field
LINE, LETTER = 15, 6.4  # height of a label's line, width of one of its letters
STYLE = """
  svg { background: #fff; color: #1f2328; font: 12px system-ui, sans-serif }
  text { fill: currentColor } .title { font-size: 16px; font-weight: 600 } .faint { fill: #656d76 }
  .grid { stroke: #d8dee4 } .roof { stroke: #0969da; stroke-width: 2; fill: none }
  .gap { stroke: #bc4c00; stroke-dasharray: 2 3 } .point { fill: #bc4c00 } .name { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; color: #e6edf3 } .faint { fill: #8d96a0 } .grid { stroke: #30363d }
    .roof { stroke: #58a6ff } .name { fill: #58a6ff } .gap { stroke: #ffa657 } .point { fill: #ffa657 }
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
        precision: of the weights; says which products make the flat part of the roof.
        note: a line below the title.
    """
    products, ceiling = ("int8", limits.int8_gmac_s) if precision in QUANTIZED else ("fp32", limits.fp32_gmac_s)
    ridge = ceiling / limits.read_gb_s
    x = _Axis([ridge, *(point.work.intensity for point in measurements)], LEFT, RIGHT)
    y = _Axis([ceiling, limits.read_gb_s * x.low, *(point.gmac_s for point in measurements)], BOTTOM, TOP)
    flat = f"{products}: {ceiling:.3g} G MAC/s"
    corner = f"{x(ridge)},{y(ceiling)}"
    slope = math.degrees(math.atan2(y(ceiling) - y(limits.read_gb_s * x.low), x(ridge) - x(x.low)))
    middle = math.sqrt(x.low * ridge)
    place = f"translate({x(middle)} {y(limits.read_gb_s * middle) - 8}) rotate({slope:.1f})"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}\n</style>",
        f'<text class="title" x="{LEFT}" y="30">{escape(title)}</text>',
        f'<text class="faint" x="{LEFT}" y="50">{escape(note)}</text>',
        *_grid(x, y),
        f'<polyline class="roof" points="{LEFT},{y(limits.read_gb_s * x.low)} {corner} {RIGHT},{y(ceiling)}"/>',
        f'<text class="name" transform="{place}" text-anchor="middle">read: {limits.read_gb_s:.3g} GB/s</text>',
        f'<text class="name" x="{RIGHT}" y="{y(ceiling) - 8}" text-anchor="end">{flat}</text>',
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
    yield f'<text {below} text-anchor="middle">multiply-accumulates (MAC) per byte read</text>'
    yield f'<text transform="{beside}" text-anchor="middle">10⁹ MAC a second</text>'


def _points(x: _Axis, y: _Axis, measurements: Sequence[Measurement], limits: Limits) -> Iterator[str]:
    """Each with its distance from its limit, and a label: to its right under the slope, else below it, where there is
    room."""
    taken: list[tuple[float, float, float]] = []  # left end, right end and baseline of each label
    for point in sorted(measurements, key=lambda point: point.work.intensity):
        fraction = point.fraction_of_limit(limits)
        across, reached, limit = x(point.work.intensity), y(point.gmac_s), y(point.gmac_s / fraction)
        load = point.workload
        label = f"{load.phase} {load.batch if load.phase == DECODE else load.tokens}: {fraction:.0%}"
        width = LETTER * len(label)
        if point.work.bound(limits) == "memory":
            left, baseline = across + 10, reached + 4
        else:
            left, baseline = across - width / 2, reached + LINE + 5
        left = min(left, RIGHT - width)
        while any(left < end and begin < left + width and abs(line - baseline) < LINE for begin, end, line in taken):
            baseline += LINE
        taken.append((left, left + width, baseline))
        yield f'<line class="gap" x1="{across}" y1="{reached}" x2="{across}" y2="{limit}"/>'
        yield f'<circle class="point" cx="{across}" cy="{reached}" r="5">'
        yield f"<title>{point.tokens_per_s:.1f} tokens/s</title></circle>"
        yield f'<text x="{left + width / 2:.1f}" y="{baseline:.1f}" text-anchor="middle">{label}</text>'
