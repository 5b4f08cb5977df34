"""Traces of a real server, as a collector gets them."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from sampan.config import ServerConfig
from sampan.errors import ConfigError
from sampan.server import tracing
from server_process import sampan_serve

trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
TIMEOUT = 60.0
TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """A collector's address and the spans that have come."""
    spans: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
            for resource in trace_service.ExportTraceServiceRequest.FromString(body).resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", spans
        server.shutdown()


@pytest.mark.parametrize(
    ("endpoint", "missing", "said"),
    [("localhost:4318", "", "no address"), ("http://localhost:4318", "opentelemetry.nothing", "not here")],
)
def test_what_cannot_be_traced_is_said_at_once(
    endpoint: str, missing: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "REQUIRED", (missing,))
    with pytest.raises(ConfigError, match=said):
        tracing.check_tracing(ServerConfig(otel_endpoint=endpoint))


def test_a_request_is_a_span_and_its_phases_lie_inside() -> None:
    body = {"messages": [{"role": "user", "content": "Zanzibar"}], "max_tokens": 20, "n": 2, "ignore_eos": True}
    head = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01", "x-request-id": "mine"}
    with collector() as (endpoint, spans), sampan_serve("--otel-endpoint", endpoint) as server:
        response = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=head, timeout=TIMEOUT)
        usage = response.json()["usage"]
        httpx.get(f"{server.url}/v1/models", timeout=TIMEOUT)
        server.stop()  # what is left is sent at the end
    (whole,) = [span for span in spans if span.name == "POST /v1/chat/completions"]
    assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == (TRACE_ID, SPAN_ID)
    told = {attribute.key: attribute.value for attribute in whole.attributes}
    assert told["gen_ai.usage.input_tokens"].int_value == usage["prompt_tokens"]
    assert told["gen_ai.usage.output_tokens"].int_value == usage["completion_tokens"] == 40
    assert told["http.response.status_code"].int_value == 200
    assert told["sampan.request_id"].string_value == "mine"
    parts = [span for span in spans if span is not whole]
    assert sorted(span.name for span in parts) == sorted(["queue", "prefill", "decode"] * 2)
    for part in parts:
        assert (part.trace_id, part.parent_span_id) == (whole.trace_id, whole.span_id)
        assert whole.start_time_unix_nano <= part.start_time_unix_nano <= part.end_time_unix_nano
        assert part.end_time_unix_nano <= whole.end_time_unix_nano
    assert not any(b"Zanzibar" in span.SerializeToString() for span in spans)
