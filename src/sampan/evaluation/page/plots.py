"""The drawings, as SVG inside the page: colours and type come from its style sheet.

Each is drawn for half a page's width, so that letters stay legible where the page is a phone's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

from sampan.evaluation.page.axis import Axis, decades
from sampan.evaluation.page.words import spoken, spoken_kind
from sampan.evaluation.quality import Candidate, LayerError

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 60, 448, 14, 232
SERIES = 7  # colours of the style sheet; further ones begin anew
LEAST_LOSS = 1e-4  # per cent; what is below is drawn there


def colour(index: int) -> str:
    """Of a candidate, by its place."""
    return f"var(--series-{index % SERIES})"


def histogram(candidates: Sequence[Candidate]) -> str:
    """Positions by KL, with the mean of each candidate."""
    edges = candidates[0].curve.kl_edges
    filled = [i for each in candidates for i, count in enumerate(each.curve.kl_counts) if count]
    first, behind = min(filled), max(filled) + 1
    x = Axis(10.0 ** edges[first], 10.0 ** edges[behind], LEFT, RIGHT, logarithmic=True)
    y = Axis(0, max(max(each.curve.kl_counts) for each in candidates) * 1.05, BOTTOM, TOP)
    parts = [*_grid(x, y, x_label=_power, y_label=lambda value: f"{value:g}"), *_names("histogram_x", "positions_y")]
    for index, each in enumerate(candidates):
        steps = []
        for bin in range(first, behind):
            height = y(each.curve.kl_counts[bin])
            steps += [(x(10.0 ** edges[bin]), height), (x(10.0 ** edges[bin + 1]), height)]
        line = _points(steps)
        parts.append(
            f'<polygon class="area" fill="{colour(index)}" points="{LEFT},{BOTTOM} {line} {RIGHT},{BOTTOM}"/>'
            f'<polyline class="series" stroke="{colour(index)}" points="{line}"/>'
        )
        mean = each.distance.kl.value
        if mean > 0.0:
            parts.append(
                f'<line class="mark" stroke="{colour(index)}" x1="{x(mean)}" x2="{x(mean)}" y1="{TOP}" y2="{BOTTOM}"/>'
            )
    return _svg(parts)


def agreement(candidates: Sequence[Candidate]) -> str:
    """Same top token along a passage."""
    spans = [span for each in candidates for span in each.curve.agreement]
    lowest = min(span[2] for span in spans)
    x = Axis(1, max(span[1] for span in spans) + 1, LEFT, RIGHT, logarithmic=True)
    floor = next(floor for floor in (0.99, 0.95, 0.9, 0.8, 0.5, 0.0) if floor < lowest or floor == 0.0)
    y = Axis(floor, 1.0, BOTTOM, TOP + 4)
    starts = [2.0**power for power in range(0, 12, 2) if 2.0**power <= x.high]
    parts = [
        *_grid(x, y, x_ticks=starts, x_label=lambda value: f"{value:g}", y_label=lambda value: f"{100 * value:g} %"),
        *_names("agreement_x"),
    ]
    for index, each in enumerate(candidates):
        places = [(x(((a + 1) * (b + 1)) ** 0.5), y(share)) for a, b, share, _ in each.curve.agreement]
        parts.append(f'<polyline class="series" stroke="{colour(index)}" points="{_points(places)}"/>')
        parts += [f'<circle fill="{colour(index)}" cx="{a}" cy="{b}" r="3.5"/>' for a, b in places]
    return _svg(parts)


def by_domain(candidates: Sequence[Candidate]) -> str:
    """The loss of each kind of text with its interval, a row each."""
    names = list(candidates[0].domains)
    left = 20 + 7 * max(len(spoken_kind(name)[0]) for name in names)
    row_height = min(max((BOTTOM - TOP) / len(names), 26), 44)
    bottom = TOP + row_height * len(names)
    losses = [[each.domains[name].loss_percent for name in names] for each in candidates]
    low, high = decades([max(end, LEAST_LOSS) for row in losses for loss in row for end in loss])
    x = Axis(low, high, left, RIGHT, logarithmic=True)
    parts = []
    for tick in x.ticks():
        parts.append(f'<line class="grid" x1="{x(tick)}" x2="{x(tick)}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(_text(x(tick), bottom + 18, f"{tick:g}", "middle"))
    for row, name in enumerate(names):
        middle = TOP + row_height * (row + 0.5)
        parts += _pair(left - 12, middle + 4, spoken_kind(name), "end", strong=True)
        for index in range(len(candidates)):
            place = middle + (index - (len(candidates) - 1) / 2) * min(8, 20 / len(candidates))
            loss = losses[index][row]
            parts.append(
                f'<line stroke="{colour(index)}" stroke-width="2" x1="{x(loss.low)}" x2="{x(loss.high)}" '
                f'y1="{place:.1f}" y2="{place:.1f}"/>'
                f'<circle fill="{colour(index)}" cx="{x(loss.value)}" cy="{place:.1f}" r="4">'
                f"<title>{loss.value:.3g} %</title></circle>"
            )
    parts += _both(RIGHT, bottom + 38, "loss_x", "end")
    return _svg(parts, bottom + 48)


def frontier(candidates: Sequence[Candidate]) -> str:
    """Bits against loss; a dot's area is its speed."""
    bits = [each.model.bits for each in candidates]
    losses = [max(each.loss_percent.value, LEAST_LOSS) for each in candidates]
    x = Axis(max(min(bits) - 1.5, 0.0), max(bits) + 1.5, LEFT, RIGHT)
    y = Axis(*decades([losses_end for loss in losses for losses_end in (loss / 1.5, loss * 1.5)]), BOTTOM, TOP, True)
    fastest = max(each.model.read_tokens_per_s for each in candidates)
    parts = [
        *_grid(x, y, x_label=lambda value: f"{value:g}", y_label=lambda value: f"{value:g} %"),
        *_names("frontier_x"),
    ]
    for index, (each, loss) in enumerate(zip(candidates, losses, strict=True)):
        across, up = x(each.model.bits), y(loss)
        radius = 4 + 8 * (each.model.read_tokens_per_s / fastest) ** 0.5
        anchor, place = ("end", across - radius - 6) if across > (LEFT + RIGHT) / 2 else ("start", across + radius + 6)
        parts.append(
            f'<line stroke="{colour(index)}" stroke-width="2" x1="{across}" x2="{across}" '
            f'y1="{y(each.loss_percent.low)}" y2="{y(each.loss_percent.high)}"/>'
            f'<circle fill="{colour(index)}" cx="{across}" cy="{up}" r="{radius:.1f}"/>'
        )
        parts.append(
            _text(place, up + 4, f"{each.model.precision}, {each.loss_percent.value:.2g} %", anchor, strong=True)
        )
    return _svg(parts)


def layers(errors: Sequence[LayerError]) -> str:
    """The error of each matrix by its layer, a colour for each kind of matrix; matrices of no layer are left out."""
    placed = [(layer, kind, error) for error in errors for layer, kind in _place(error.name)]
    kinds = layer_kinds(errors)
    x = Axis(-0.5, max(layer for layer, _, _ in placed) + 0.5, LEFT, WIDTH * 2 - 12)
    y = Axis(*decades([max(error.error, 1e-6) for _, _, error in placed]), BOTTOM, TOP, True)
    parts = [
        *_grid(x, y, x_label=lambda value: f"{value:g}", y_label=_power, right=WIDTH * 2 - 12),
        *_names("layers_x", "layers_y", right=WIDTH * 2 - 12),
    ]
    for layer, kind, error in placed:
        parts.append(
            f'<circle fill="{colour(kinds.index(kind))}" cx="{x(layer)}" cy="{y(error.error)}" r="4" opacity="0.85">'
            f"<title>{escape(error.name)}, {escape(error.format)}: {error.error:.2g}</title></circle>"
        )
    return _svg(parts, width=WIDTH * 2)


def layer_kinds(errors: Sequence[LayerError]) -> list[str]:
    """The kinds of matrices, in the order of their colours."""
    return list(dict.fromkeys(kind for error in errors for _, kind in _place(error.name)))


def _place(name: str) -> list[tuple[int, str]]:
    """Layer and kind of `model.layers.3.mlp.down_proj.weight`; nothing for a matrix of no layer."""
    words = name.removesuffix(".weight").split(".")
    return [(int(word), words[-1]) for word in words if word.isdecimal()][:1]


def _grid(
    x: Axis,
    y: Axis,
    *,
    x_label: Callable[[float], str],
    y_label: Callable[[float], str],
    x_ticks: Sequence[float] | None = None,
    right: float = RIGHT,
) -> Iterable[str]:
    for tick in y.ticks(5):
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y(tick)}" y2="{y(tick)}"/>'
        yield _text(LEFT - 8, y(tick) + 4, y_label(tick), "end")
    for tick in x.ticks() if x_ticks is None else x_ticks:
        yield _text(x(tick), BOTTOM + 18, x_label(tick), "middle")


def _names(below: str, beside: str | None = None, right: float = RIGHT) -> Iterable[str]:
    """What the axes are called."""
    yield from _both(right, BOTTOM + 38, below, "end")
    if beside is not None:
        yield from _both(LEFT, BOTTOM + 38, beside, "start", prefix="↑ ")


def _both(x: float, y: float, key: str, anchor: str, prefix: str = "") -> Iterable[str]:
    return _pair(x, y, spoken(key), anchor, prefix=prefix)


def _pair(
    x: float, y: float, pair: tuple[str, str], anchor: str, *, prefix: str = "", strong: bool = False
) -> Iterable[str]:
    """The same words in both languages, escaped before."""
    kind = ' class="strong"' if strong else ""
    for language, words in zip(("en", "zh-CN"), pair, strict=True):
        yield f'<text{kind} lang="{language}" x="{x}" y="{y}" text-anchor="{anchor}">{prefix}{words}</text>'


def _text(x: float, y: float, words: str, anchor: str, *, strong: bool = False) -> str:
    kind = ' class="strong"' if strong else ""
    return f'<text{kind} x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def _power(value: float) -> str:
    """10⁻³ for 0.001."""
    power = round(math.log10(value))
    return "1" if power == 0 else "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in places)


def _svg(parts: Iterable[str], height: float = HEIGHT, width: float = WIDTH) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img">{"".join(parts)}</svg>'
