"""Streams of events: server-sent events (WHATWG HTML, section 9.2) as OpenAI uses them, and what other APIs make of
it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from sampan.server.http.disconnect import unless_disconnected
from sampan.server.http.errors import error_body, error_kind, log_failure

HEADERS = {
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # nginx passes each event on at once
}


_encode = msgspec.json.Encoder().encode


def event(data: dict[str, Any], name: str = "") -> bytes:
    """One server-sent event. JSON has no bare line ends, so one `data:` line holds it."""
    named = b"event: " + name.encode() + b"\n" if name else b""
    return named + b"data: " + _encode(data) + b"\n\n"


class EventFrame:
    """An event of which only one text changes: encoded once, filled for each delta.

    Args:
        data: of the event, with `HOLE` wherever the text goes.
    """

    HOLE = msgspec.Raw(b"\0")  # JSON itself writes this byte as \\u0000

    def __init__(self, data: dict[str, Any], name: str = "") -> None:
        self._pieces = event(data, name).split(b"\0")

    def fill(self, text: str) -> bytes:
        """The event with this text."""
        return _encode(text).join(self._pieces)


@dataclass(frozen=True, slots=True)
class Wire:
    """How one API frames a stream.

    Args:
        error: the event for an error after the first one.
        end: what comes last, after an error too.
        ping: what breaks a long silence; clients skip it. Empty where the API has no such thing.
    """

    media_type: str
    error: Callable[[Exception], bytes]
    end: bytes
    ping: bytes


OPENAI_WIRE = Wire(
    "text/event-stream", error=lambda error: event(error_body(error)), end=b"data: [DONE]\n\n", ping=b": ping\n\n"
)


class EventStream(Response):
    """Sends a generator's finished events, then the wire's end.

    The status line waits for the first event, so that a request refused by the engine has its proper status. A stream
    that is silent for `ping_interval` seconds gets a ping (and then its status line, if it had none yet), so that no
    proxy takes a long prefill or hidden reasoning for a dead connection. An error after that is sent as an event. The
    generator is closed as soon as the client leaves.
    """

    def __init__(self, events: AsyncGenerator[bytes, None], ping_interval: float, wire: Wire = OPENAI_WIRE) -> None:
        self.status_code = 200
        self.background = None
        self.media_type = wire.media_type
        self.init_headers(HEADERS)
        self._events = events
        self._ping_interval = ping_interval
        self._wire = wire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await unless_disconnected(receive, self._run(scope, receive, send))

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        writer = _Writer(send, scope["state"].get("send_body", send), self.raw_headers)
        pinger = asyncio.create_task(writer.keep_alive(self._ping_interval, self._wire.ping))
        try:
            async with aclosing(self._events) as events:
                async for data in events:
                    await writer.write(data)
        except Exception as error:
            if not writer.started:
                raise
            if error_kind(error).hidden:
                log_failure(scope["state"]["request_id"], error)
            await writer.write(self._wire.error(error))
        finally:
            pinger.cancel()
        await writer.write(self._wire.end, last=True)


class _Writer:
    """The response being sent: start line once, then bytes.

    Args:
        send_body: a shorter way for what follows the start; see `BoundedHttpProtocol`.
    """

    def __init__(self, send: Send, send_body: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send, self._send_body = send, send_body
        self._start: Message = {"type": "http.response.start", "status": 200, "headers": headers}
        self._clock = asyncio.get_running_loop().time
        self._last_write = self._clock()
        self.started = False

    async def write(self, data: bytes, *, last: bool = False) -> None:
        self._last_write = self._clock()
        if not self.started:
            self.started = True
            await self._send(self._start)
        await self._send_body({"type": "http.response.body", "body": data, "more_body": not last})

    async def keep_alive(self, interval: float, ping: bytes) -> None:
        while True:
            silent = self._clock() - self._last_write
            if silent >= interval:
                await self.write(ping)
            else:
                await asyncio.sleep(interval - silent)
