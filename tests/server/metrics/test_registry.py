"""The registry is what the guide shows, and its names and buckets are what Prometheus takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sampan.server.metrics.recorder import Recorder
from sampan.server.metrics.registry import REGISTRY, TOKEN_BUCKETS, as_markdown, one_two_five

GUIDES = Path(__file__).parents[3] / "docs" / "guides"


@pytest.mark.parametrize("page", ["monitoring.md", "monitoring.zh-CN.md"])
def test_the_guide_has_the_table(page: str) -> None:
    """`python -m sampan.server.metrics` prints it."""
    assert as_markdown() in (GUIDES / page).read_text(encoding="utf-8")


def test_names_and_buckets() -> None:
    assert len({metric.name for metric in REGISTRY}) == len(REGISTRY)
    for metric in REGISTRY:
        assert re.fullmatch("[a-z][a-z0-9_]*", metric.name)
        assert not metric.name.endswith("_total")
        assert list(metric.buckets) == sorted(set(metric.buckets))
    assert one_two_five(4096) == (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


def test_gaps_are_observed_together_as_one_by_one() -> None:
    together, alone = Recorder("m", "v", 4096), Recorder("m", "v", 4096)
    gaps = [0.0001, 0.001, 0.0010001, 0.3, *TOKEN_BUCKETS, 1e9, 0.02, 0.02]
    together.gaps = list(gaps)
    together.flush()
    name = "inter_token_latency_seconds"
    for gap in gaps:
        alone._series[name].observe(gap)
    labels = {"model_name": "m", "model_version": "v"}
    for bound in (*map(str, TOKEN_BUCKETS), "+Inf"):
        want = alone.registry.get_sample_value(f"sampan_{name}_bucket", {**labels, "le": bound})
        assert together.registry.get_sample_value(f"sampan_{name}_bucket", {**labels, "le": bound}) == want
    assert together.registry.get_sample_value(f"sampan_{name}_sum", labels) == pytest.approx(sum(gaps))
