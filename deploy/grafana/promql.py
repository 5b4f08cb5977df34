"""Queries, written from the registry: what is renamed there is renamed here."""

from __future__ import annotations

from sampan.server.metrics.registry import PREFIX, Metric

SELECTED = {"model_name": '=~"$model_name"', "instance": '=~"$instance"'}
WINDOW = "$__rate_interval"  # of Grafana: at least four scrapes, more where one looks at days


def selector(metric: Metric, suffix: str = "", **matchers: str) -> str:
    """A metric's series, of the models and instances that are chosen at the top of the dashboard.

    Args:
        suffix: `_bucket`, `_sum` or `_count` of a histogram.
        matchers: of the metric's own label, such as `kind='="thought"'`.
    """
    if not matchers.keys() <= {metric.label}:
        raise ValueError(f"{metric.name} has no label {', '.join(matchers)}")
    name = PREFIX + metric.name + ("_total" if metric.kind == "counter" else suffix)
    return f"{name}{{{', '.join(label + match for label, match in {**SELECTED, **matchers}.items())}}}"


def total(metric: Metric) -> str:
    """A gauge, of all instances together."""
    return f"sum({selector(metric)})"


def rate(metric: Metric, **matchers: str) -> str:
    """A counter's, each second, of all instances together."""
    return f"sum(rate({selector(metric, **matchers)}[{WINDOW}]))"


def rates(metric: Metric, **matchers: str) -> str:
    """The same, by the metric's own label."""
    return f"sum by ({metric.label}) (rate({selector(metric, **matchers)}[{WINDOW}]))"


def share(part: str, whole: str) -> str:
    """How much of one rate another is, 0 to 1."""
    return f"{part} / {whole}"


def percentile(metric: Metric, quantile: float) -> str:
    """Of a histogram, over all instances."""
    return f"histogram_quantile({quantile}, sum by (le) (rate({selector(metric, '_bucket')}[{WINDOW}])))"


def mean(metric: Metric) -> str:
    """Of a histogram, over all instances."""
    return share(*(f"sum(rate({selector(metric, suffix)}[{WINDOW}]))" for suffix in ("_sum", "_count")))


def buckets(metric: Metric) -> str:
    """How many values came into each bucket, for a heatmap."""
    return f"sum by (le) (increase({selector(metric, '_bucket')}[{WINDOW}]))"
