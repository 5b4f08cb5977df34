"""Prometheus' own judgement on the rules: their syntax, and when each alert fires."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from prometheus_process import program

pytestmark = pytest.mark.prometheus

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"


def promtool(*arguments: str, folder: Path = FOLDER) -> str:
    result = subprocess.run(
        [program("promtool"), *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_rules_and_configuration_are_valid(tmp_path: Path) -> None:
    """The key lies where compose puts it, and not here."""
    promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yml")
    key = tmp_path / "key"
    key.write_text("sk-sampan-test")
    text = (FOLDER / "prometheus.yml").read_text().replace("/run/secrets/sampan-key", str(key))
    (tmp_path / "prometheus.yml").write_text(text.replace("rules.yml", str(FOLDER / "rules.yml")))
    promtool("check", "config", "prometheus.yml", folder=tmp_path)


def test_alerts_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", "tests.yml")


def test_each_alert_is_tested_both_ways() -> None:
    rules = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
    alerts = {rule["alert"] for group in rules for rule in group["rules"] if "alert" in rule}
    tests = [
        test for case in yaml.safe_load((FOLDER / "tests.yml").read_text())["tests"] for test in case["alert_rule_test"]
    ]
    assert {test["alertname"] for test in tests if test["exp_alerts"]} == alerts
    assert {test["alertname"] for test in tests if not test["exp_alerts"]} == alerts


def test_the_objectives_are_those_of_the_dashboard() -> None:
    from deploy.grafana.dashboard import ERROR_BUDGET, OBJECTIVE_SECONDS

    text = (FOLDER / "rules.yml").read_text()
    assert re.findall(r":p99_5m > ([\d.]+)", text) == [str(OBJECTIVE_SECONDS)] * 2
    assert set(re.findall(r"> [\d.]+ \* ([\d.]+)", text)) == {str(ERROR_BUDGET)}
