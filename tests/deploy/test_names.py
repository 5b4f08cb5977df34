"""What dashboard, rules and guides ask for exists: each metric, label and label value is in the registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.grafana.dashboard import FILE, as_json, dashboard
from deploy.grafana.panels import WIDTH

from sampan.server.metrics.registry import PREFIX, REGISTRY, Metric

ROOT = Path(__file__).resolve().parents[2]
RULES_FILE = ROOT / "deploy" / "prometheus" / "rules.yml"
RULES = [rule for group in yaml.safe_load(RULES_FILE.read_text())["groups"] for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
GUIDES = [ROOT / "docs" / "guides" / name for name in ("monitoring.md", "monitoring.zh-CN.md")]

SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
METRICS = {PREFIX + metric.name + suffix: metric for metric in REGISTRY for suffix in SUFFIXES[metric.kind]}
OF_TARGETS = {"job", "instance", "le", "alertname", "alertstate"}  # not of a metric, but of Prometheus

NAME = re.compile(r"(?<![\w:/.^-])(?:model:)?sampan_[\w:]+")
SELECTOR = re.compile(r"(?<![\w:])(sampan_\w+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|on|without)\s*\(([^)]*)\)")


def expressions() -> Iterator[tuple[str, str]]:
    """All queries, each with where it stands."""
    made = dashboard()
    for panel in made["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))
    yield from ((note["name"], note["expr"]) for note in made["annotations"]["list"])
    yield from ((rule.get("record") or rule["alert"], rule["expr"]) for rule in RULES)
    for guide in GUIDES:
        yield from (
            (guide.name, code) for code in re.findall(r"`([^`\n]*sampan_[^`\n]*[({][^`\n]*)`", guide.read_text())
        )


EXPRESSIONS = list(expressions())
PANELS: list[dict[str, Any]] = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def test_the_file_is_what_the_program_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == as_json(), "python -m deploy.grafana.dashboard writes it"


@pytest.mark.parametrize(("where", "expr"), EXPRESSIONS)
def test_what_is_asked_for_exists(where: str, expr: str) -> None:
    names = NAME.findall(expr)
    assert {name for name in names if name not in METRICS} <= RECORDED
    metrics = [METRICS[name] for name in names if name in METRICS]
    labels = OF_TARGETS.union({"model_name"}, *(metric.labels for metric in metrics))
    assert {label.strip() for group in GROUPING.findall(expr) for label in group.split(",")} <= labels
    for name, matchers in SELECTOR.findall(expr):
        for label, operator, value in MATCHER.findall(matchers):
            assert label in OF_TARGETS.union(METRICS[name].labels)
            assert_has_value(METRICS[name], label, operator, value)


def assert_has_value(metric: Metric, label: str, operator: str, value: str) -> None:
    if label == metric.label and metric.values and operator in ("=", "!="):
        assert value in metric.values


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_the_guide_names_no_other_metrics(page: Path) -> None:
    whole = {PREFIX + metric.name for metric in REGISTRY}  # histograms go by their name
    assert set(NAME.findall(page.read_text(encoding="utf-8"))) <= METRICS.keys() | whole | RECORDED


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_legends_name_labels_that_the_query_keeps(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        kept = {label.strip() for group in GROUPING.findall(target["expr"]) for label in group.split(",")}
        if "sum" not in target["expr"]:
            kept |= {"instance", "model_name"}
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept


def test_panels_explain_themselves_and_do_not_overlap() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        own = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not own & cells
        assert max(x for x, _ in own) < WIDTH
        cells |= own
    assert all(panel["description"].endswith(".") for panel in PANELS)
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in PANELS)
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert ids == list(range(1, len(ids) + 1))


def test_the_dashboard_shows_everything_that_is_counted() -> None:
    """But for what others say as well, and for what tells of clients and settings."""
    shown = {METRICS[name].name for name in NAME.findall(FILE.read_text(encoding="utf-8")) if name in METRICS}
    said_by_others = {"prompt_tokens", "generation_tokens", "request_inference_time_seconds"}
    of_clients = {"request_params_max_tokens", "request_params_n"}
    left_out = said_by_others | of_clients | {"cache_config_info"}
    assert {metric.name for metric in REGISTRY} - shown == left_out


@pytest.mark.parametrize("rule", [rule for rule in RULES if "alert" in rule], ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["alert"].startswith("Sampan")
    assert rule["labels"]["severity"] in ("critical", "warning")
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert {"summary", "description"} < rule["annotations"].keys()
    assert anchor == rule["alert"].lower()
    assert ROOT / page == GUIDES[0]
    for guide in GUIDES:
        assert f"\n### {rule['alert']}\n" in guide.read_text(encoding="utf-8")
