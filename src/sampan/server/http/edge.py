"""The outermost layer: request ids, one log line for each request, headers that every response has, and the last resort
for our own bugs.

What is logged of a request is its id, method, path without query, status, time, the name of its API key, and how many
tokens came when; never a prompt, an answer or a key. Whoever logs many of them as one sets `is_logged` in their state.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sampan.server.http.errors import error_response, log_failure
from sampan.server.http.exchange import Exchange, current_exchange
from sampan.server.security.client import ANONYMOUS
from sampan.server.tracing import Tracer

logger = logging.getLogger("sampan.server")

REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
# Browsers take no answer for something else than it says it is, and pages of other sites cannot embed it.
SECURITY_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin"))
CLIENT_CLOSED_REQUEST = 499  # nginx's word for it; never sent, only logged


class Edge:
    """ASGI middleware that gives each request an id (the client's `X-Request-Id` where it is clean) and echoes it.

    Args:
        on_response: is told the status of each request once it is done with.
        tracer: is told more, where traces are wanted.
    """

    def __init__(self, app: ASGIApp, on_response: Callable[[int], None], tracer: Tracer | None = None) -> None:
        self.app = app
        self._tracer = tracer
        self._on_response = on_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        request_id = state["request_id"] = _request_id(scope["headers"])
        state["client"] = ANONYMOUS
        exchange = Exchange(request_id, time.monotonic())
        current_exchange.set(exchange)
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    *SECURITY_HEADERS,
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = CLIENT_CLOSED_REQUEST
        except Exception as error:
            log_failure(request_id, error)
            if not status:  # else it is too late: the connection ends without the body's end
                await error_response(error)(scope, receive, send_with_id)
        finally:
            self._on_response(status)
            if self._tracer is not None and exchange.answers:
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
                self._tracer.trace(exchange, scope["method"], _path(scope), status, headers)
            if not state.get("is_logged"):
                milliseconds = (time.perf_counter() - started) * 1000
                what = {
                    "request_id": request_id,
                    "method": scope["method"],
                    "path": _path(scope),
                    "status": status,
                    "milliseconds": round(milliseconds, 1),
                    "key": state["client"].name or "-",
                }
                fields = {**exchange.fields(), **what}
                logger.info("%s %s %s %d %.1f ms %s%s", *what.values(), exchange, extra={"fields": fields})


def _request_id(headers: list[tuple[bytes, bytes]]) -> str:
    given = next((value for name, value in headers if name == b"x-request-id"), b"")
    return given.decode("ascii") if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _path(scope: Scope) -> str:
    """Cut and escaped, so that no client writes log lines of its own."""
    path: str = scope["path"][:200]
    return path.encode("unicode_escape").decode("ascii")
