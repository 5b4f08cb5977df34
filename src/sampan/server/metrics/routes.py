"""`GET /metrics`: the series of all workers and of the engine, whichever worker is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.responses import Response

from sampan.cluster import ClusterState, EngineClient
from sampan.server.metrics.engine_view import EngineView
from sampan.server.metrics.recorder import Recorder
from sampan.server.metrics.registry import PREFIX, REGISTRY
from sampan.server.off_loop import off_loop_if
from sampan.server.worker_order import METRICS_DIRECTORY

ALIASES = {"vllm": frozenset(PREFIX + metric.name for metric in REGISTRY if metric.in_vllm)}
"""Other servers' prefixes, and which of our names they know."""


def metrics_routes(
    recorder: Recorder,
    engine: EngineClient,
    is_ready: Callable[[], bool],
    cluster: Callable[[], ClusterState] | None,
    alias: str,
) -> APIRouter:
    """The route.

    Args:
        recorder: of this worker.
        is_ready: whether a request would be answered now.
        alias: one of `ALIASES`, whose names are said as well; empty for none.
    """
    router = APIRouter(tags=["admin"])
    view = EngineView(engine, is_ready, cluster, recorder.model)

    @router.get("/metrics", summary="All counts and times, in Prometheus' text format", response_class=Response)
    async def metrics() -> Response:
        recorder.flush()
        text = await off_loop_if(True, lambda: generate_latest(_All(recorder.registry, view, alias)))
        return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})

    return router


class _All(Collector):
    """All that is to be told, each family once, and then again under an alias."""

    def __init__(self, own: CollectorRegistry, view: EngineView, alias: str) -> None:
        self._own, self._view, self._alias = own, view, alias

    def collect(self) -> Iterator[Family]:
        families = [*self._of_workers(), *self._view.collect()]
        yield from families
        known = ALIASES.get(self._alias, frozenset())
        yield from (_renamed(family, f"{self._alias}:") for family in families if family.name in known)

    def _of_workers(self) -> Iterator[Family]:
        directory = os.environ.get(METRICS_DIRECTORY)
        if directory is None:
            yield from self._own.collect()
        else:  # the series of all workers lie in files there, also of those that have ended
            yield from MultiProcessCollector(None, directory).collect()  # type: ignore[no-untyped-call]


def _renamed(family: Family, prefix: str) -> Family:
    renamed = Family(prefix + family.name.removeprefix(PREFIX), family.documentation, family.type)
    renamed.samples = [sample._replace(name=prefix + sample.name.removeprefix(PREFIX)) for sample in family.samples]
    return renamed
