"""Server-sent events (WHATWG HTML, section 9.2) as OpenAI uses them: `data:` lines only, the last one `[DONE]`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from sampan.server.disconnect import unless_disconnected
from sampan.server.errors import error_body, error_kind, log_failure

PING = b": ping\n\n"
DONE = b"data: [DONE]\n\n"

HEADERS = {
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # nginx passes each event on at once
}


def event(data: dict[str, Any]) -> bytes:
    """One event. JSON has no bare line ends, so one `data:` line holds it."""
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


class EventStream(Response):
    """Sends a generator's objects as events, then `[DONE]`.

    The status line waits for the first object, so that a request refused by the engine has its proper status. A stream
    that is silent for `ping_interval` seconds gets a comment (and then its status line, if it had none yet), so that no
    proxy takes a long prefill or hidden reasoning for a dead connection. An error after that is sent as an event. The
    generator is closed as soon as the client leaves.
    """

    media_type = "text/event-stream"

    def __init__(self, objects: AsyncGenerator[dict[str, Any], None], ping_interval: float) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers(HEADERS)
        self._objects = objects
        self._ping_interval = ping_interval

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await unless_disconnected(receive, self._run(scope, receive, send))

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        wire = _Wire(send, self.raw_headers)
        pinger = asyncio.create_task(wire.keep_alive(self._ping_interval))
        try:
            async with aclosing(self._objects) as objects:
                async for data in objects:
                    await wire.write(event(data))
        except Exception as error:
            if not wire.started:
                raise
            if error_kind(error).hidden:
                log_failure(scope["state"]["request_id"], error)
            await wire.write(event(error_body(error)))
        finally:
            pinger.cancel()
        await wire.write(DONE, last=True)


class _Wire:
    """The response being sent: start line once, then bytes."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._start: Message = {"type": "http.response.start", "status": 200, "headers": headers}
        self._last_write = asyncio.get_running_loop().time()
        self.started = False

    async def write(self, data: bytes, *, last: bool = False) -> None:
        self._last_write = asyncio.get_running_loop().time()
        if not self.started:
            self.started = True
            await self._send(self._start)
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def keep_alive(self, interval: float) -> None:
        while True:
            silent = asyncio.get_running_loop().time() - self._last_write
            if silent >= interval:
                await self.write(PING)
            else:
                await asyncio.sleep(interval - silent)
