"""Lets pages of chosen origins use this server from a browser (WHATWG Fetch, section 3.2). Off unless asked for.

Never with credentials: a browser adds none of its own accord, so a page can do no more than the key that it was given.
"""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sampan.config import ANY_ORIGIN, ServerConfig

METHODS = "GET, POST, DELETE"
HEADER_NAMES = re.compile(r"[a-z0-9_-]{1,64}(?: *, *[a-z0-9_-]{1,64}){0,63}", re.ASCII | re.IGNORECASE)
EXPOSED = "x-request-id, retry-after"
MAX_AGE = "600"  # seconds that a browser need not ask again


class Cors:
    """ASGI middleware: answers preflights, and tells browsers that pages of these origins may read the answers."""

    def __init__(self, app: ASGIApp, config: ServerConfig) -> None:
        self.app = app
        self._origins = frozenset(config.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope.get("headers", ())}
        origin = headers.get(b"origin")
        if origin is None or not (ANY_ORIGIN in self._origins or origin.lower() in self._origins):
            await self.app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await Response(status_code=204, headers=self._preflight(origin, headers))(scope, receive, send)
            return

        async def send_with_permission(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.update({**self._permission(origin), "access-control-expose-headers": EXPOSED})
            await send(message)

        await self.app(scope, receive, send_with_permission)

    def _permission(self, origin: str) -> dict[str, str]:
        if ANY_ORIGIN in self._origins:
            return {"access-control-allow-origin": ANY_ORIGIN}
        return {"access-control-allow-origin": origin, "vary": "origin"}

    def _preflight(self, origin: str, headers: dict[bytes, str]) -> dict[str, str]:
        answer = {
            **self._permission(origin),
            "access-control-allow-methods": METHODS,
            "access-control-max-age": MAX_AGE,
        }
        wanted = headers.get(b"access-control-request-headers", "")
        if HEADER_NAMES.fullmatch(wanted):
            answer["access-control-allow-headers"] = wanted
        if headers.get(b"access-control-request-private-network") == "true":
            answer["access-control-allow-private-network"] = "true"
        return answer
