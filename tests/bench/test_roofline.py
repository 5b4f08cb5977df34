"""The picture is well formed and shows every figure where it belongs."""

from xml.etree import ElementTree

import pytest

from sampan.bench import Limits, Measurement, Work, Workload, roofline_svg

SVG = "{http://www.w3.org/2000/svg}"
LIMITS = Limits(read_gb_s=10.0, int8_gmac_s=100.0, fp32_gmac_s=50.0)


def measured(phase: str, batch: int, tokens: int, intensity: float, fraction: float) -> Measurement:
    work = Work(bytes=1e9, int8_macs=intensity * 1e9)
    return Measurement(Workload(phase, batch, tokens), work.seconds(LIMITS) / fraction, work)


POINTS = [
    measured("decode", 1, 16, 1.0, 0.85),
    measured("decode", 8, 16, 8.0, 0.7),
    measured("decode", 32, 16, 30.0, 0.55),
    measured("prefill", 1, 512, 400.0, 0.66),
]


def draw(points: list[Measurement] = POINTS, precision: str = "int8", title: str = "a model") -> ElementTree.Element:
    return ElementTree.fromstring(roofline_svg(points, LIMITS, precision=precision, title=title, note="a machine"))


def texts(svg: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in svg.iter(SVG + "text")]


def test_every_point_has_a_dot_and_a_label() -> None:
    svg = draw()
    dots = list(svg.iter(SVG + "circle"))
    assert [dot[0].text for dot in dots] == [f"{point.tokens_per_s:.1f} tokens/s" for point in POINTS]
    assert {"decode 1: 85%", "decode 8: 70%", "decode 32: 55%", "prefill 512: 66%"} <= set(texts(svg))
    across = [float(dot.get("cx", "")) for dot in dots]
    assert across == sorted(across)


def test_dots_lie_below_the_roof_by_their_fraction() -> None:
    svg = draw()
    (roof,) = svg.iter(SVG + "polyline")
    start, corner, end = (tuple(map(float, pair.split(","))) for pair in roof.get("points", "").split())
    assert corner[1] == end[1] < start[1]
    for line, dot in zip(
        [e for e in svg.iter(SVG + "line") if e.get("class") == "gap"], svg.iter(SVG + "circle"), strict=True
    ):
        across, limit = float(line.get("x2", "")), float(line.get("y2", ""))
        share = min((across - start[0]) / (corner[0] - start[0]), 1.0)
        assert limit == pytest.approx(start[1] + share * (corner[1] - start[1]), abs=0.3)
        assert float(dot.get("cy", "")) > limit


def test_the_roof_is_that_of_the_precision() -> None:
    assert {"read: 10 GB/s", "int8: 100 G MAC/s"} <= set(texts(draw()))
    assert "fp32: 50 G MAC/s" in texts(draw(precision="bf16"))


def test_labels_cover_no_other() -> None:
    """Many batches of the same fraction lie side by side."""
    batches = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
    svg = draw([measured("decode", batch, 16, float(batch), 0.5) for batch in batches])
    labels = [element for element in svg.iter(SVG + "text") if (element.text or "").startswith("decode")]
    assert len(labels) == len(batches)
    boxes = [(float(label.get("x", "")), float(label.get("y", "")), 6.0 * len(label.text or "")) for label in labels]
    for index, (x, y, width) in enumerate(boxes):
        for other_x, other_y, other_width in boxes[:index]:
            assert abs(x - other_x) >= (width + other_width) / 2 or abs(y - other_y) >= 14


def test_names_are_text_and_not_markup() -> None:
    assert "<b>&" in texts(draw(title="<b>&"))


def test_a_single_point() -> None:
    assert len(list(draw([POINTS[0]]).iter(SVG + "circle"))) == 1
