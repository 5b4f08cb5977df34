"""Traces by OpenTelemetry, where the operator names a collector: a span of each request that is answered, and under it
when each of its answers waited, was prefilled and was decoded.

Nothing is sent anywhere else, and nothing of what is said: numbers of tokens, times, the model's name and the status.
Source: OpenTelemetry's semantic conventions for HTTP servers and for generative AI.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sampan.config import ServerConfig
from sampan.errors import ConfigError
from sampan.server.http.exchange import Exchange

if TYPE_CHECKING:
    from opentelemetry.context import Context

REQUIRED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
SCOPE = "sampan.server"
PARENT_HEADERS = ("traceparent", "tracestate")


def check_tracing(config: ServerConfig) -> None:
    """Whether what the configuration asks for is there, before anything is started.

    Raises:
        ConfigError: no collector's address, or OpenTelemetry is not installed.
    """
    endpoint = config.otel_endpoint
    if endpoint and urlsplit(endpoint).scheme not in ("http", "https"):
        raise ConfigError(f"otel_endpoint={endpoint!r} is no address", remedy="write it as http://127.0.0.1:4318")
    if endpoint and not all(map(is_installed, REQUIRED)):
        raise ConfigError("otel_endpoint needs OpenTelemetry, which is not here", remedy="pip install 'sampan[otel]'")


def is_installed(package: str) -> bool:
    """Whether a package could be imported."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # its parent is not
        return False


class Tracer:
    """Sends spans to a collector, in a thread of its own and many at a time.

    Args:
        endpoint: OTLP over HTTP, such as `http://127.0.0.1:4318`.
        model_name: as requests name it.
    """

    def __init__(self, endpoint: str, model_name: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._model_name = model_name
        self._provider = TracerProvider(resource=Resource.create({"service.name": "sampan"}), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SCOPE)
        self._propagator = TraceContextTextMapPropagator()

    def trace(self, exchange: Exchange, method: str, path: str, status: int, headers: Mapping[str, str]) -> None:
        """A request is done with; where nothing was answered, nothing is told.

        Args:
            path: without the query.
            headers: `traceparent` among them makes it part of the client's trace.
        """
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

        if not exchange.answers:
            return
        attributes: dict[str, str | int | float] = {
            "http.request.method": method,
            "url.path": path,
            "http.response.status_code": status,
            "gen_ai.provider.name": "sampan",
            "gen_ai.request.model": self._model_name,
            "gen_ai.usage.input_tokens": exchange.prompt_tokens,
            "gen_ai.usage.output_tokens": exchange.generation_tokens,
            "sampan.request_id": exchange.request_id,
        }
        offset = time.time_ns() - time.monotonic_ns()
        parent = self._parent(headers)
        ends = time.time_ns()
        span = self._tracer.start_span(
            f"{method} {path}", parent, SpanKind.SERVER, attributes, start_time=_ns(exchange.opened_at, offset)
        )
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        within = set_span_in_context(span)
        for index, times in enumerate(exchange.answers):
            phases = {
                "queue": (exchange.opened_at, times.began),
                "prefill": (times.began, times.first_token),
                "decode": (times.first_token, times.last_token),
            }
            for name, (begin, end) in phases.items():
                if begin is not None and end is not None:
                    part = self._tracer.start_span(
                        name, within, attributes={"sampan.choice": index}, start_time=_ns(begin, offset)
                    )
                    part.end(_ns(max(begin, end), offset))
        span.end(ends)

    def _parent(self, headers: Mapping[str, str]) -> Context:
        return self._propagator.extract({name: headers[name] for name in PARENT_HEADERS if name in headers})

    def close(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()


def _ns(monotonic: float, offset: int) -> int:
    """A time of this machine's monotonic clock as nanoseconds since 1970."""
    return int(monotonic * 1e9) + offset
