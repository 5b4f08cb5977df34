"""Turns requests away at the door while the engine's queue is full.

An overloaded server must spend its time on the requests that it has. So a refusal is decided before routing, fields,
template and tokenizer: of the body, only whose request it is gets read. A large body goes on, to be refused later. And
refusals are counted in the log, not listed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

import anyio
import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sampan.cluster import EngineClient
from sampan.config import ServerConfig
from sampan.errors import OverloadedError
from sampan.server.http.errors import error_response
from sampan.server.security.client import Client

logger = logging.getLogger("sampan.server")

REPORT_SECONDS = 1.0
MAX_BODY_BYTES = 64 * 1024
GENERATING = {
    "/api/chat",
    "/api/generate",
    "/generate",
    "/generate_stream",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/messages",
}
READING = {
    "/api/embed",
    "/api/embeddings",
    "/v1/embeddings",
    "/rerank",
    "/v1/rerank",
    "/v2/rerank",
    "/score",
    "/v1/score",
}
PATHS = frozenset(GENERATING | READING)


class _Metadata(msgspec.Struct):
    """`metadata` of `/v1/messages`."""

    user_id: str | None = None


class _Turn(msgspec.Struct):
    """What of a body matters here; see `sampan.server.fields.AdmissionFields`."""

    user: str | None = None
    metadata: _Metadata | None = None

    @property
    def tenant(self) -> str:
        """Whose turn it is."""
        return self.user or (self.metadata and self.metadata.user_id) or ""


_decoder = msgspec.json.Decoder(_Turn)


class Gate:
    """ASGI middleware. While the queue has room, it does nothing."""

    def __init__(self, app: ASGIApp, *, engine: EngineClient, config: ServerConfig) -> None:
        self.app = app
        self._engine = engine
        self._body_timeout = config.body_timeout_seconds
        self._num_refused = 0  # since the last report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asking = scope["type"] == "http" and scope["path"] in PATHS and not scope["query_string"]
        if not is_asking or not self._engine.is_full:
            await self.app(scope, receive, send)
            return
        messages = await self._beginning(receive)
        error = self._refusal(messages, scope["state"]["client"])
        if error is not None:
            self._count()
            scope["state"]["is_logged"] = True
            await error_response(error)(scope, receive, send)
            return

        async def receive_again() -> Message:
            return messages.popleft() if messages else await receive()

        await self.app(scope, receive_again, send)

    async def _beginning(self, receive: Receive) -> deque[Message]:
        """The body, if it is small and comes in time; else its beginning."""
        messages: deque[Message] = deque()
        room, is_whole = MAX_BODY_BYTES, False
        with anyio.move_on_after(self._body_timeout):
            while room > 0 and not is_whole:
                messages.append(await receive())
                room -= len(messages[-1].get("body", b""))
                is_whole = not messages[-1].get("more_body")
        return messages

    def _count(self) -> None:
        if self._num_refused == 0:
            asyncio.get_running_loop().call_later(REPORT_SECONDS, self._report)
        self._num_refused += 1

    def _report(self) -> None:
        logger.warning("the queue is full: %d requests were refused within %g s", self._num_refused, REPORT_SECONDS)
        self._num_refused = 0

    def _refusal(self, messages: deque[Message], client: Client) -> OverloadedError | None:
        if not messages or messages[-1].get("more_body") or messages[-1]["type"] != "http.request":
            return None
        try:
            turn = _decoder.decode(b"".join([message["body"] for message in messages]))
        except (msgspec.DecodeError, RecursionError):  # its error is for others to find
            return None
        return self._engine.overload(client.tenant(turn.tenant))
