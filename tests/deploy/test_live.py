"""A real Prometheus scrapes a real server under load: nothing on the dashboard is empty, and every rule works."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from deploy.grafana.dashboard import dashboard

from cluster_process import Cluster, cluster, wait_until
from prometheus_process import Prometheus, prometheus

pytestmark = pytest.mark.prometheus

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = [rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]]
SELECTOR = re.compile(r"\b(?:model:)?(?:sampan_[\w:]+|up)(?:\{[^}]*\})?")
NOBODY = "127.0.0.1:1"  # a second target that does not answer
TIMEOUT = 60.0
QUESTION: dict[str, Any] = {"messages": [{"role": "user", "content": "one two three one two three one two"}]}


@dataclass(frozen=True)
class Watched:
    """A server that has worked, and the Prometheus that saw it."""

    server: Cluster
    prometheus: Prometheus


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The server answers, clients leave it, one asks for what there is not, and its engine is killed."""
    with cluster("--workers", "2") as server:
        target = server.url.removeprefix("http://")
        with prometheus(config_for(target), tmp_path_factory.mktemp("prometheus")) as watcher:
            stop = threading.Event()
            clients = [threading.Thread(target=ask_until, args=(server.url, stop)) for _ in range(2)]
            for client in clients:
                client.start()
            try:
                scraped(watcher, 3)
                os.kill(server.engine(), signal.SIGKILL)
                wait_until(lambda: watcher.numbers("increase(sampan_process_restarts_total[1m]) > 0"))
                wait_until(lambda: server.ready() == 200)
                scraped(watcher, 3)
                wait_until(lambda: watcher.numbers("rate(sampan_spec_decode_num_draft_tokens_total[30s]) > 0"))
            finally:
                stop.set()
                for client in clients:
                    client.join()
            yield Watched(server, watcher)


def config_for(target: str) -> dict[str, Any]:
    """What deploy/ ships, faster, and for this server, which has no keys."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
    (job,) = config["scrape_configs"]
    del job["authorization"]
    job["static_configs"] = [{"targets": [target, NOBODY]}]
    return config


def ask_until(url: str, stop: threading.Event) -> None:
    """One client, who streams an answer, leaves another, and mistakes the path."""
    with httpx.Client(base_url=url, timeout=TIMEOUT) as client:
        while not stop.is_set():
            for most, lines_read in ((200, 1000), (2000, 3)):
                body = {**QUESTION, "stream": True, "max_tokens": most}
                with client.stream("POST", "/v1/chat/completions", json=body) as response:
                    for _, _ in zip(range(lines_read), response.iter_lines(), strict=False):
                        pass
            assert client.get("/v1/nothing").status_code == 404
            stop.wait(0.2)


def scraped(watcher: Prometheus, times: int) -> None:
    """Waits for so many more scrapes."""
    wanted = time.time() + times
    wait_until(lambda: watcher.numbers(f"timestamp(up == 1) > {wanted}"), pause=0.2)


def filled_in(expr: str) -> str:
    """A query of the dashboard, as Grafana sends it."""
    for name, value in {"$__rate_interval": "30s", "$model_name": "sampan-tiny", "$instance": ".*"}.items():
        expr = expr.replace(name, value)
    assert "$" not in expr
    return expr


def test_every_query_of_the_dashboard_has_data(watched: Watched) -> None:
    made = dashboard()
    queries = [(panel["title"], target["expr"]) for panel in made["panels"] for target in panel.get("targets", ())]
    queries += [(note["name"], note["expr"]) for note in made["annotations"]["list"]]
    assert [query for query in queries if not watched.prometheus.numbers(filled_in(query[1]))] == []


def test_every_variable_has_values(watched: Watched) -> None:
    asked = [v["query"]["query"] for v in dashboard()["templating"]["list"] if v["type"] == "query"]
    found = {}
    for text in asked:
        series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", text).groups()
        found[label] = watched.prometheus.get(f"label/{label}/values", **{"match[]": filled_in(series)})
    assert found == {"model_name": ["sampan-tiny"], "instance": [watched.server.url.removeprefix("http://")]}


def test_prometheus_has_no_trouble_with_any_rule(watched: Watched) -> None:
    groups = watched.prometheus.get("rules")["groups"]
    states = {rule["name"]: (rule["health"], rule.get("lastError")) for group in groups for rule in group["rules"]}
    assert states == {rule.get("record") or rule["alert"]: ("ok", None) for rule in RULES}


@pytest.mark.parametrize("rule", [rule for rule in RULES if "record" in rule], ids=lambda rule: rule["record"])
def test_what_is_recorded_has_data(watched: Watched, rule: dict[str, Any]) -> None:
    assert watched.prometheus.numbers(rule["record"]) != []
    assert watched.prometheus.numbers(rule["expr"]) != []


@pytest.mark.parametrize("rule", [rule for rule in RULES if "alert" in rule], ids=lambda rule: rule["alert"])
def test_what_an_alert_looks_at_is_there(watched: Watched, rule: dict[str, Any]) -> None:
    seen = SELECTOR.findall(rule["expr"])
    assert seen
    assert [series for series in seen if not watched.prometheus.numbers(series)] == []


def test_an_alert_begins_for_the_server_that_is_down_alone(watched: Watched) -> None:
    alerts = watched.prometheus.get("alerts")["alerts"]
    down = [alert["labels"]["instance"] for alert in alerts if alert["labels"]["alertname"] == "SampanDown"]
    assert down == [NOBODY]


def test_restarts_and_leavers_are_seen(watched: Watched) -> None:
    assert watched.prometheus.numbers('sampan_process_restarts_total{process="engine"}') == [1.0]
    assert watched.prometheus.numbers('sum(sampan_request_success_total{finished_reason="error"})') == [0.0]
    assert watched.prometheus.numbers('sum(sampan_request_success_total{finished_reason="abort"})')[0] > 0
