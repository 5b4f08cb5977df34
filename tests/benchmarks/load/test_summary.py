"""Figures of known outcomes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import asdict
from itertools import islice

import pytest
from benchmarks.load.exchange import Outcome
from benchmarks.load.plot import svg
from benchmarks.load.report import table
from benchmarks.load.summary import Counts, Objective, Point, spread, summarise
from benchmarks.load.workload import Workload
from rich.console import Console

GOOD = Outcome(10.0, 10.1, 10.6, [10.2, 10.3, 10.5], 200, "stop", 5, 4, 1)
SLOW = Outcome(10.5, 10.5, 12.0, [11.5, 12.0], 200, "length", 6, 2)
REFUSED = Outcome(11.0, 11.0, 11.01, [], 429, error="full")
CUT = Outcome(11.0, 11.0, 11.5, [11.2], 200, error="connection closed")
OUTCOMES = [GOOD, SLOW, REFUSED, CUT]


def point(load: float = 4.0) -> Point:
    return summarise("open", load, OUTCOMES, Objective(500, 150), client_cpu_s=0.5, server_cpu_s=1.0)


def test_times_count_from_when_a_request_was_due() -> None:
    assert GOOD.first_token_s == pytest.approx(0.2)
    assert GOOD.end_to_end_s == pytest.approx(0.6)
    assert GOOD.per_token_s == pytest.approx(0.1)


def test_a_point() -> None:
    found = point()
    assert (found.seconds, found.good, found.refused, found.failed) == (2.0, 1, 1, 1)
    assert (found.requests_per_s, found.goodput_per_s, found.tokens_per_s) == (1.0, 0.5, 3.0)
    assert (found.client_cpu, found.server_cpu) == (0.25, 0.5)
    assert found.times_ms["first_token"]["max"] == 1000.0
    assert found.times_ms["between_tokens"]["p50"] == 200.0  # of 100, 200 and 500
    assert found.times_ms["refusal"]["p99"] == 10.0
    assert found.errors == {"connection closed": 1}
    assert found.lateness_ms == pytest.approx(97.0)


def test_counts_are_exact_and_add_up() -> None:
    counts = Counts()
    counts.add(OUTCOMES[:2])
    counts.add(OUTCOMES[2:])
    assert asdict(counts) == {
        "requests": 4,
        "complete": 2,
        "statuses": {"200": 3, "429": 1},
        "finish_reasons": {"stop": 1, "length": 1},
        "prompt_tokens": 11,
        "completion_tokens": 6,
        "cached_tokens": 1,
    }


@pytest.mark.parametrize(
    ("objective", "met"),
    [
        (Objective(), True),
        (Objective(199), False),
        (Objective(None, 99), False),
        (Objective(None, None, 599), False),
        (Objective(None, None, None), True),
    ],
)
def test_what_is_good(objective: Objective, met: bool) -> None:
    objective = objective if objective != Objective() else Objective(500, 101)
    assert objective.is_met(GOOD) is met
    assert not objective.is_met(REFUSED)
    assert not objective.is_met(CUT)


def test_percentiles() -> None:
    assert spread([i / 1000 for i in range(101)]) == {"p50": 50, "p90": 90, "p99": 99, "mean": 50, "max": 100}


def test_table_and_drawing_show_every_load() -> None:
    points = [point(load) for load in (20.0, 40.0, 200.0)]
    console = Console(record=True, width=80)
    console.print(table(points))
    words = console.export_text()
    assert all(f"{load}/s" in words for load in (20, 40, 200))
    assert "…" not in words
    drawing = ElementTree.fromstring(svg(points, "a < b", "c & d"))
    lines = [element for element in drawing.iter() if element.tag.endswith("polyline")]
    assert [len(line.get("points", "").split()) for line in lines] == [3] * 8


def test_the_same_requests_for_the_same_seed() -> None:
    workload = Workload(shared_words=3)
    bodies = [list(islice(workload.bodies(seed), 3)) for seed in (1, 1, 2)]
    assert bodies[0] == bodies[1] != bodies[2]
    assert len(set(bodies[0])) == 3
