"""What the engine and the supervisor tell, in Prometheus' words, at the moment at which it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from sampan.cluster import ClusterState, EngineClient
from sampan.server.metrics import registry
from sampan.server.metrics.registry import PREFIX, Metric


class EngineView(Collector):
    """A collector of `prometheus_client`.

    Args:
        engine: its counts begin anew where it does.
        is_ready: whether a request would be answered now.
        cluster: None where there are no other processes.
        model: the values of the model's labels.
    """

    def __init__(
        self,
        engine: EngineClient,
        is_ready: Callable[[], bool],
        cluster: Callable[[], ClusterState] | None,
        model: tuple[str, str],
    ) -> None:
        self._engine, self._is_ready, self._cluster, self._model = engine, is_ready, cluster, model

    def collect(self) -> Iterator[Family]:
        status = self._engine.status()
        held = status.num_blocks - status.num_free_blocks
        for metric, number in (
            (registry.RUNNING, status.num_running),
            (registry.WAITING, status.num_waiting),
            (registry.WAITING_TOKENS, status.num_waiting_tokens),
            (registry.KV_USAGE, held / status.num_blocks if status.num_blocks else 0.0),
            (registry.READY, float(self._is_ready())),
            (registry.PREEMPTIONS, status.num_preemptions),
            (registry.CACHE_QUERIES, status.num_queried_tokens),
            (registry.CACHE_HITS, status.num_hit_tokens),
            (registry.DRAFTED, status.num_drafted_tokens),
            (registry.ACCEPTED, status.num_accepted_tokens),
        ):
            yield self._family(metric, {"": number})
        yield self._family(registry.CACHE_INFO, {str(status.num_blocks): 1})
        if self._cluster is not None:
            state = self._cluster()
            restarts = {"engine": state.num_engine_restarts, "worker": state.num_worker_restarts}
            yield self._family(registry.RESTARTS, restarts)

    def _family(self, metric: Metric, numbers: Mapping[str, float]) -> Family:
        kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
        family = kind(PREFIX + metric.name, metric.text, labels=metric.labels)
        for value, number in numbers.items():
            family.add_metric((*self._model, *((value,) if metric.label else ())), number)
        return family
