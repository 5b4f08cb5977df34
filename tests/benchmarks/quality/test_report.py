from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.quality.divergence import Divergence
from benchmarks.quality.plot import svg
from benchmarks.quality.report import Report, Row, table
from rich.console import Console

REPORT = Report(
    rows=[
        Row("model <a>", "Sampan", "int8", "fp16", 1100, Divergence(1.5e-3, 2e-2, 0.975, 1.001, 40)),
        Row("model <a>", "llama.cpp", "Q4_0", "fp16", 600, Divergence(2e-1, 1.0, 0.75, 1.1, 40)),
        Row("model <a>", "simulated", "cache fp16", "", None, Divergence(1e-5, 1e-4, 1.0, 1.0, 40)),
    ],
    weights_read={"model <a>": 1000},
    left_out={"Other": "not here"},
)


def test_bits_a_weight() -> None:
    assert [REPORT.bits(row) for row in REPORT.rows] == [8.8, 4.8, None]


def test_table() -> None:
    console = Console(width=120, record=True)
    with console.capture() as capture:
        console.print(table(REPORT, "model <a>"))
    lines = capture.get().splitlines()
    assert "40 positions" in lines[0]
    assert [cell.strip() for cell in lines[4].strip("│┃").split("│")] == [
        "Sampan", "int8", "fp16", "8.80", "1.5e-03", "2.0e-02", "97.50%", "x 1.0010",
    ]  # fmt: skip


def test_json(tmp_path: Path) -> None:
    REPORT.write(tmp_path / "new" / "quality.json")
    data = json.loads((tmp_path / "new" / "quality.json").read_text())
    assert data["left_out"] == {"Other": "not here"}
    assert data["results"][1]["bits_per_weight"] == 4.8
    assert data["results"][0]["divergence"]["mean_kl"] == 1.5e-3


def test_drawing_has_a_bar_for_each_engine_longer_where_more_is_lost() -> None:
    root = ElementTree.fromstring(svg(REPORT))
    bars = [rect for rect in root.iter("{http://www.w3.org/2000/svg}rect") if rect.get("rx")]
    assert len(bars) == 2
    assert float(bars[0].get("width", 0)) < float(bars[1].get("width", 0))
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "model <a>" in words
    assert "2.0e-01 at 4.8 bits" in words


def test_drawing_of_nothing() -> None:
    ElementTree.fromstring(svg(Report([], {}, {})))
