"""The arithmetic of a comparison, and its table, drawing and JSON form."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from benchmarks.comparison.measurements import WORKS, Measurements, Ratio, Work, ratio, ratios
from benchmarks.comparison.plot import svg
from benchmarks.comparison.report import tables
from benchmarks.comparison.results import Comparison
from rich.console import Console

DECODE, PREFILL = Work("8 streams", 8, 16, 26), Work("prefill 512", 1, 512, 1)


def measured(bits: int, speed: float, gigabytes: float = 2.0) -> Measurements:
    """Two rounds: the machine was half as fast in the second."""
    return Measurements(
        bits,
        versions={"engine": "1.0"},
        first_token_s=[speed / 100, speed / 50],
        tokens_per_s={DECODE.name: [speed, speed / 2], PREFILL.name: [speed * 10, speed * 5]},
        resident_bytes=int(gigabytes * 1e9),
        peak_bytes=int(gigabytes * 2e9),
    )


@pytest.fixture
def comparison() -> Comparison:
    measurements = {
        "Sampan int8": measured(8, 30, 1.5),
        "OpenVINO int8": measured(8, 20, 3.0),
        "llama.cpp Q8_0": measured(8, 10),
        "Sampan int4": measured(4, 40),
        "OpenVINO int4": measured(4, 50),
    }
    return Comparison("a-model", 2, (DECODE, PREFILL), measurements, {"llama.cpp Q4_0": "it <rains>"})


def test_decode_counts_the_tokens_after_the_first() -> None:
    assert DECODE.tokens_per_s(prefill_s=9.0, decode_s=2.0) == 8 * 25 / 2


def test_prefill_counts_the_tokens_of_the_prompt() -> None:
    assert PREFILL.tokens_per_s(prefill_s=2.0, decode_s=0.0) == 256


def test_works_have_names_of_their_own() -> None:
    assert len({work.name for work in WORKS}) == len(WORKS)


def test_a_ratio_is_the_median_of_those_of_equal_rounds() -> None:
    assert ratio([10, 2, 9], [5, 2, 3]) == Ratio(median=2, lowest=1, highest=3)


def test_a_round_that_slows_both_changes_no_ratio() -> None:
    assert ratio([10, 1], [5, 0.5]) == Ratio(2, 2, 2)


def test_readings_of_unequal_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio([1, 2], [1])


def test_ratios_by_figure(comparison: Comparison) -> None:
    found = ratios(comparison.measurements["Sampan int8"], comparison.measurements["OpenVINO int8"])
    medians = {figure: value.median for figure, value in found.items()}
    assert medians == pytest.approx({"8 streams": 1.5, "prefill 512": 1.5, "memory": 0.5, "start": 1.5})


def test_only_equal_bits_are_compared_and_only_with_sampan(comparison: Comparison) -> None:
    assert list(comparison.pairs()) == [
        ("Sampan int8", "OpenVINO int8"),
        ("Sampan int8", "llama.cpp Q8_0"),
        ("Sampan int4", "OpenVINO int4"),
    ]


def test_json(comparison: Comparison, tmp_path: Path) -> None:
    comparison.write(tmp_path / "new" / "peers.json")
    data = json.loads((tmp_path / "new" / "peers.json").read_text())
    assert list(data) == [
        "format",
        "date",
        "commit",
        "machine",
        "model",
        "weights",
        "threads",
        "works",
        "results",
        "ratios",
        "left_out",
    ]
    assert set(data["machine"]) == {"processor", "instruction_sets", "cores", "memory_bytes", "system"}
    assert data["works"][0] == {"name": "8 streams", "batch": 8, "prompt_tokens": 16, "new_tokens": 26}
    assert data["results"]["OpenVINO int8"] == {
        "bits": 8,
        "versions": {"engine": "1.0"},
        "first_token_s": [0.2, 0.4],
        "tokens_per_s": {"8 streams": [20, 10], "prefill 512": [200, 100]},
        "resident_bytes": 3_000_000_000,
        "peak_bytes": 6_000_000_000,
    }
    assert data["ratios"][0] == {
        "of": "Sampan int8",
        "to": "OpenVINO int8",
        "figure": "8 streams",
        "median": 1.5,
        "lowest": 1.5,
        "highest": 1.5,
    }
    assert len(data["ratios"]) == 12
    assert data["left_out"] == {"llama.cpp Q4_0": "it <rains>"}


def test_tables(comparison: Comparison) -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    for table in tables(comparison):
        console.print(table)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in console.export_text().splitlines()]
    assert ["Sampan int8", "22.5", "225.0", "1,500", "0.45"] in rows
    assert ["Sampan int8 / OpenVINO int8", "1.50x", "1.50x", "0.50x", "1.50x"] in rows
    assert ["Sampan int4 / OpenVINO int4", "0.80x", "0.80x", "1.00x", "0.80x"] in rows


def test_drawing(comparison: Comparison) -> None:
    root = ElementTree.fromstring(svg(comparison, "a <fast> machine"))
    namespace = "{http://www.w3.org/2000/svg}"
    texts = [element.text for element in root.iter(f"{namespace}text")]
    assert "a-model, random weights, 2 threads, a <fast> machine" in texts
    assert texts.count("Sampan int8") == 4  # two speeds, memory, start
    bars = [element for element in root.iter(f"{namespace}rect") if element.get("rx")]
    assert len(bars) == 4 * len(comparison.measurements)
    lengths = [float(bar.get("width", "nan")) for bar in bars[:3]]
    assert lengths[1] / lengths[0] == pytest.approx(20 / 30, abs=0.01)
    right = max(float(bar.get("x", "nan")) + float(bar.get("width", "nan")) for bar in bars)
    assert right < float(root.get("width", "nan"))


def test_a_group_without_sampan_is_shown_without_ratios(comparison: Comparison) -> None:
    alone = Comparison("a-model", 2, (DECODE, PREFILL), {"OpenVINO int8": measured(8, 20)}, {})
    assert alone.pairs() == {}
    assert len(list(tables(alone))) == 1
    ElementTree.fromstring(svg(alone, "a machine"))
