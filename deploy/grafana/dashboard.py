"""Writes the dashboard, from the registry of the metrics: `python -m deploy.grafana.dashboard`.

Its first row shows what the rules of `deploy/prometheus` record and alerts judge, over all instances of a model. All
other panels ask the server's own series, for the models and instances chosen at the top.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from deploy.grafana.panels import (
    DATASOURCE,
    GREEN,
    RED,
    SCHEMA_VERSION,
    YELLOW,
    Json,
    colored,
    graph,
    heatmap,
    laid_out,
    query,
    stat,
    steps,
)
from deploy.grafana.promql import buckets, mean, percentile, rate, rates, selector, share, total

from sampan.server.metrics import registry
from sampan.server.metrics.registry import Metric

FILE = Path(__file__).parent / "sampan.json"
OBJECTIVE_SECONDS = 0.5
ERROR_BUDGET = 0.001  # of answers
ALERTS = 'ALERTS{alertname=~"Sampan.*", alertstate="firing"}'
SLOW = steps((OBJECTIVE_SECONDS, RED))


def dashboard() -> Json:
    """The whole dashboard, as Grafana imports it."""
    rows = [
        ("Service level: what the alerts judge, over all instances", service_level()),
        ("Latency", latency()),
        ("Throughput", throughput()),
        ("Queue and KV cache", queue()),
        ("Thought", thought()),
        ("Work that was saved", saved()),
        ("Errors and processes", errors()),
    ]
    return {
        "uid": "sampan",
        "title": "Sampan",
        "description": "What a Sampan server does, how fast, and what goes wrong.",
        "tags": ["sampan", "llm", "inference"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one crosshair over all panels
        "timezone": "browser",
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "10s",
        "templating": {"list": variables()},
        "annotations": {"list": [restarts_annotation()]},
        "panels": laid_out(rows),
    }


def variables() -> list[Json]:
    """What can be chosen at the top."""
    source = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {"selected": True, "text": "default", "value": "default"},
    }
    model = values_of("model_name", "Model", registry.PREFIX + registry.READY.name)
    instance = values_of("instance", "Instance", f'{registry.PREFIX}{registry.READY.name}{{model_name=~"$model_name"}}')
    return [source, model, instance]


def values_of(label: str, title: str, series: str) -> Json:
    return {
        "name": label,
        "label": title,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": f"label_values({series}, {label})", "refId": label},
        "refresh": 2,  # whenever the time range changes
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def restarts_annotation() -> Json:
    return {
        "name": "Restarts",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": RED,
        "expr": f"sum by (process) (increase({selector(registry.RESTARTS)}[1m])) > 0",
        "step": "1m",
        "titleFormat": "{{process}} restarted",
    }


def recorded(name: str) -> str:
    """What a rule has recorded; the worst of the models that are chosen."""
    return f'max(model:sampan_{name}{{model_name=~"$model_name"}})'


def percentiles(metric: Metric) -> list[Json]:
    return [query(percentile(metric, share), f"P{share * 100:.0f}") for share in (0.5, 0.9, 0.99)]


def service_level() -> Sequence[Json]:
    tight = steps((OBJECTIVE_SECONDS * 0.8, YELLOW), (OBJECTIVE_SECONDS, RED))
    first, between = recorded("time_to_first_token_seconds:p99_5m"), recorded("inter_token_latency_seconds:p99_5m")
    burn = f"{recorded('answers_failed:ratio_rate1h')} / {ERROR_BUDGET}"
    by_model = 'model:sampan_{}{{model_name=~"$model_name"}}'
    windows = ("5m", "30m", "1h", "6h")
    return (
        stat(
            "First token, P99", "99 of 100 answers begin within this time. The objective is 500 ms.", "s", first, tight
        ),
        stat(
            "Between tokens, P99",
            "99 of 100 tokens come within this time. The objective is 500 ms.",
            "s",
            between,
            tight,
        ),
        stat(
            "Failed answers",
            "Share of answers of the last 5 minutes that ended in an error. The objective is 0.1 %.",
            "percentunit",
            recorded("answers_failed:ratio_rate5m"),
            steps((ERROR_BUDGET, YELLOW), (10 * ERROR_BUDGET, RED)),
            decimals=2,
        ),
        stat(
            "Error budget burn",
            "How many times as fast as allowed errors came in the last hour. At 1 the budget of a month lasts a month; "
            "at 14.4 it is gone in two days, and an alert fires.",
            "none",
            burn,
            steps((1, YELLOW), (14.4, RED)),
            decimals=1,
        ),
        stat(
            "Servers ready",
            "Servers that would answer a request now.",
            "none",
            total(registry.READY),
            {"mode": "absolute", "steps": [{"color": RED, "value": None}, {"color": GREEN, "value": 1}]},
        ),
        stat(
            "Alerts", "Alerts of deploy/prometheus that fire.", "none", f"count({ALERTS}) or vector(0)", steps((1, RED))
        ),
        graph(
            "P99 against the objective of 500 ms",
            "Of the last 5 minutes. Long prompts make the first token late, long queues too: the row below tells.",
            "s",
            query(by_model.format("time_to_first_token_seconds:p99_5m"), "first token, {{model_name}}"),
            query(by_model.format("inter_token_latency_seconds:p99_5m"), "between tokens, {{model_name}}"),
            width=12,
            limits=SLOW,
        ),
        graph(
            "Failed answers against the objective of 0.1 %",
            "Over the windows that the alerts compare. An answer that its client left is no failure.",
            "percentunit",
            *(
                query(by_model.format(f"answers_failed:ratio_rate{window}"), f"{window}, {{{{model_name}}}}")
                for window in windows
            ),
            width=12,
            limits=steps((ERROR_BUDGET, YELLOW)),
        ),
    )


def latency() -> Sequence[Json]:
    parts = (("queue", registry.QUEUE_TIME), ("prefill", registry.PREFILL_TIME), ("decode", registry.DECODE_TIME))
    return (
        graph(
            "To the first token",
            "From the request to the first token, be it of a thought or of an answer.",
            "s",
            *percentiles(registry.FIRST_TOKEN),
            limits=SLOW,
        ),
        graph(
            "To the first token of the answer",
            "From the request to the first token behind the thought: how long a reader waits who hides thoughts.",
            "s",
            *percentiles(registry.FIRST_ANSWER_TOKEN),
        ),
        graph(
            "Between two tokens",
            "How steadily text appears. Reading speed is about 200 ms.",
            "s",
            *percentiles(registry.INTER_TOKEN),
            limits=SLOW,
        ),
        graph("To the end", "From the request to the end of the answer.", "s", *percentiles(registry.END_TO_END)),
        graph(
            "Where the time goes",
            "The mean answer: waiting for its turn, reading the prompt, writing. Much queue: more replicas. Much "
            "prefill: shorter prompts, or such that share their beginnings.",
            "s",
            *(query(mean(metric), name) for name, metric in parts),
            stacked=True,
        ),
        heatmap("First tokens", "How many first tokens came how late.", "s", buckets(registry.FIRST_TOKEN)),
    )


def throughput() -> Sequence[Json]:
    return (
        colored(
            graph(
                "Answers",
                "Answers that ended, by why. abort is a client that left, a deadline, or the end of the server.",
                "reqps",
                query(rates(registry.REQUESTS), "{{finished_reason}}"),
                stacked=True,
            ),
            stop=GREEN,
            length="blue",
            abort=YELLOW,
            error=RED,
        ),
        graph(
            "Tokens",
            "Tokens a second: of prompts, those of them that came from the prefix cache, of thoughts, of answers.",
            "short",
            query(rates(registry.TOKENS), "{{kind}}"),
        ),
        graph(
            "Lengths",
            "Tokens of prompts and of answers with their thoughts.",
            "short",
            query(percentile(registry.REQUEST_PROMPT_TOKENS, 0.5), "prompt, P50"),
            query(percentile(registry.REQUEST_PROMPT_TOKENS, 0.99), "prompt, P99"),
            query(percentile(registry.REQUEST_GENERATION_TOKENS, 0.5), "answer, P50"),
            query(percentile(registry.REQUEST_GENERATION_TOKENS, 0.99), "answer, P99"),
        ),
    )


def queue() -> Sequence[Json]:
    return (
        colored(
            graph(
                "Answers at work and waiting",
                "Waiting answers are what to scale on: how many run ends at --max-num-seqs.",
                "short",
                query(total(registry.RUNNING), "running"),
                query(total(registry.WAITING), "waiting"),
                width=6,
            ),
            running=GREEN,
            waiting=YELLOW,
        ),
        graph(
            "Prompt tokens that wait",
            "How much reading lies before the engine. Beyond --max-num-waiting-tokens requests are refused.",
            "short",
            query(total(registry.WAITING_TOKENS), "waiting tokens"),
            width=6,
        ),
        graph(
            "KV cache in use",
            "Share of the blocks that running answers hold. Near 1 answers are preempted, or wait.",
            "percentunit",
            query(selector(registry.KV_USAGE), "{{instance}}"),
            width=6,
            limits=steps((0.9, YELLOW), (0.95, RED)),
            most=1,
        ),
        graph(
            "Preemptions",
            "Answers that gave their KV blocks back, each second, to be computed anew: work that is done twice.",
            "ops",
            query(rate(registry.PREEMPTIONS), "preemptions"),
            width=6,
        ),
    )


def thought() -> Sequence[Json]:
    thoughts, answers = (rate(registry.TOKENS, kind=f'="{kind}"') for kind in ("thought", "answer"))
    return (
        graph("Time", "From the first token of a thought to its end.", "s", *percentiles(registry.THINKING)),
        graph("Length", "Tokens of a thought.", "short", *percentiles(registry.REQUEST_THINKING_TOKENS)),
        graph(
            "Share of tokens",
            "How much of what is written is thought.",
            "percentunit",
            query(share(thoughts, f"({thoughts} + {answers})"), "thought"),
            most=1,
        ),
    )


def saved() -> Sequence[Json]:
    return (
        graph(
            "Prefix cache",
            "Share of prompt tokens that need not be read again. Low where prompts do not begin alike.",
            "percentunit",
            query(share(rate(registry.CACHE_HITS), rate(registry.CACHE_QUERIES)), "hits"),
            width=12,
            most=1,
        ),
        graph(
            "Guessed tokens",
            "Share of guesses that were right. Each of these cost no step of its own.",
            "percentunit",
            query(share(rate(registry.ACCEPTED), rate(registry.DRAFTED)), "accepted"),
            width=12,
            most=1,
        ),
    )


def errors() -> Sequence[Json]:
    return (
        graph(
            "HTTP errors",
            "By status, probes among them. 429 and 503 are what clients see when there is too much to do; "
            "0 is a client that left before there was a status.",
            "reqps",
            query(rates(registry.RESPONSES, status='!~"[123].."'), "{{status}}"),
            stacked=True,
        ),
        graph(
            "Restarts",
            "Processes that died or hung and were replaced, in 5 minutes. Open streams go on.",
            "short",
            query(f"sum by (process) (increase({selector(registry.RESTARTS)}[5m]))", "{{process}}"),
        ),
        graph(
            "Ready, by revision of the model",
            "Servers that would answer, by the first digits of the hash of what they serve.",
            "short",
            query(
                f"sum by (model_name, model_version) ({selector(registry.READY)})", "{{model_name}} {{model_version}}"
            ),
            stacked=True,
        ),
    )


def as_json() -> str:
    """The file's text."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_json(), encoding="utf-8")
