"""The divergence of every engine and format as a drawing, on a logarithmic axis."""

from __future__ import annotations

import math
from html import escape

from benchmarks.quality.report import Report, Row

COLOURS = {"Sampan": "#0f766e", "llama.cpp": "#94a3b8"}
TEXT, FAINT, GRID = "#1f2937", "#6b7280", "#e5e7eb"
WIDTH, MARGIN, NAME_WIDTH, VALUE_WIDTH = 880, 24, 210, 130
TOP, TITLE, ROW, AXIS = 64, 36, 24, 40


def svg(report: Report) -> str:
    """A panel for each subject, a bar for each engine and format that holds weights in 16 bits or less."""
    rows = [row for row in report.rows if row.engine in COLOURS and row.divergence.mean_kl > 1e-9]
    powers = [math.log10(row.divergence.mean_kl) for row in rows]
    low, high = (math.floor(min(powers, default=-1)), math.ceil(max(powers, default=0)))
    parts, y = [], TOP
    for subject in dict.fromkeys(row.subject for row in rows):
        group = [row for row in rows if row.subject == subject]
        parts.append(_panel(subject, group, report, y, low, high))
        y += TITLE + ROW * len(group) + AXIS
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
            'font-family="system-ui, sans-serif">',
            f'<rect width="{WIDTH}" height="{y}" fill="white"/>',
            _text(MARGIN, 32, "What number formats lose", size=19, weight=600),
            _text(MARGIN, 52, "mean KL divergence of next-token distributions from float64; less is better", size=12),
            *parts,
            "</svg>\n",
        )
    )


def _panel(title: str, rows: list[Row], report: Report, y: int, low: int, high: int) -> str:
    left, right = MARGIN + NAME_WIDTH, WIDTH - MARGIN - VALUE_WIDTH
    bottom = y + TITLE + ROW * len(rows)

    def place(power: float) -> float:
        return left + (right - left) * (power - low) / (high - low)

    parts = [_text(MARGIN, y + 22, title, size=15, weight=600)]
    for power in range(low, high + 1):
        x = place(power)
        parts.append(f'<line x1="{x:.1f}" y1="{y + TITLE}" x2="{x:.1f}" y2="{bottom}" stroke="{GRID}"/>')
        parts.append(_text(x, bottom + 16, f"1e{power}", size=11, colour=FAINT, anchor="middle"))
    for index, row in enumerate(rows):
        top, end = y + TITLE + index * ROW, place(math.log10(row.divergence.mean_kl))
        weight = 600 if row.engine == "Sampan" else 400
        bits = report.bits(row)
        parts += [
            _text(left - 8, top + 16, _name(row), size=12, weight=weight, anchor="end"),
            f'<rect x="{left}" y="{top + 4}" width="{end - left:.1f}" height="{ROW - 8}" rx="2" '
            f'fill="{COLOURS[row.engine]}"/>',
            _text(
                end + 6,
                top + 16,
                f"{row.divergence.mean_kl:.1e}" + (f" at {bits:.1f} bits" if bits else ""),
                size=11,
                colour=FAINT,
            ),
        ]
    return "\n".join(parts)


def _name(row: Row) -> str:
    return f"{row.engine} {row.format}" + ("" if row.cache in ("fp16", "fp32") else f", {row.cache} cache")


def _text(
    x: float, y: float, text: str, *, size: int, weight: int = 400, colour: str = TEXT, anchor: str = "start"
) -> str:
    style = f'font-size="{size}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
