"""uvicorn's HTTP parser, with bounds on whatever a client can make long or slow, and errors in the dialect of the
path."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httptools
import msgspec
from starlette.exceptions import HTTPException
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from sampan.server.http.dialects import dialect_of_path
from sampan.server.http.errors import error_facts
from sampan.server.http.request_head import (
    MAX_HEADERS,
    HeadError,
    check_framing,
    check_hosts,
    origin_form,
    without_offer,
)


class JoinedHead:
    """In place of a connection until a response's head is out: the head waits for what is written next in the same turn
    of the loop, mostly the body. One packet less, and the client wakes once.

    Args:
        cycle: of the request; gets its connection back.
    """

    def __init__(self, cycle: RequestResponseCycle, loop: asyncio.AbstractEventLoop) -> None:
        self._cycle, self._transport, self._loop = cycle, cycle.transport, loop
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            self._flush(data)
        else:
            self._head = data
            self._loop.call_soon(self._flush)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self, rest: bytes = b"") -> None:
        if self._cycle.transport is not self._transport:
            self._cycle.transport = self._transport
            self._transport.write(self._head + rest)


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. A request's head (its first line and headers) that grows or takes too long ends it, and so does a
    client that does not read its answer, goes on with a body that nobody wants, or sends requests in advance without
    end.

    What a client has not read fills the kernel's buffers, then uvicorn's (64 KiB). After that `send` waits, so answers
    are written no faster than they are read. What the engine draws meanwhile waits as token ids, at most `max_tokens`.

    A request's state has `send_body`: the `send` of this class itself, without what the layers above it put around
    theirs. They look at the start of a response only, and a stream's events are many.

    Args:
        waiting: the connections on which no request is being answered, the longest waiting one first; kept up to date.

    Attributes:
        max_head_bytes: of one head.
        max_head_seconds: from the connection, or the head's first byte, to the head's end.
        max_stall_seconds: while nothing more can be written because nothing is read.
        max_linger_seconds: for the rest of a body whose request has been answered. Closing at once would reset the
            connection, and the client might never see the answer.
        max_pipelined: requests that wait for the one before them.
    """

    max_head_bytes = 64 * 1024
    max_head_seconds = 20.0
    max_stall_seconds = 60.0
    max_linger_seconds = 5.0
    max_pipelined = 16

    url = b""  # of the request that is being read; set by the base class from its first byte on
    _head_bytes: int | None = None  # None while no head is being read
    _line_bytes = 0  # of its lines that are complete
    _head_deadline: asyncio.TimerHandle | None = None
    _stall_deadline: asyncio.TimerHandle | None = None
    _linger_deadline: asyncio.TimerHandle | None = None
    _head_error: HeadError | None = None
    _is_deaf = False  # what else comes is not listened to: the connection ends with the answers that are due

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        waiting: dict[BoundedHttpProtocol, None],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._waiting = waiting

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waiting[self] = None
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.pop(self, None)
        self._stop_clock()
        self._end_stall()
        self._end_linger()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Called when the write buffer is full."""
        self._stall_deadline = self.loop.call_later(self.max_stall_seconds, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Called when most of it has been read."""
        self._end_stall()
        super().resume_writing()

    # ---- what comes in ----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError:
            error = self._head_error or HeadError(400, "This is no HTTP request")
            self._refuse(error.status, str(error))
        if self._head_bytes is None or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > self.max_head_bytes:
            error = self._too_large()
            self._refuse(error.status, str(error))

    def _parse(self, data: bytes) -> None:
        """A request may offer another protocol, and the offer may be ignored (RFC 9110, section 7.8). The parser
        cannot: it takes whatever follows the head, even a body, for that protocol. So another one reads the head
        without it.
        """
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                head = without_offer(self.parser.get_method(), self.url, self.headers)
                self.parser = httptools.HttpRequestParser(self)
                data = head + data[offer.args[0] :]

    def on_message_begin(self) -> None:
        self._head_bytes = self._line_bytes = 0
        self._start_clock()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_bytes is None:
            return  # a trailer, behind the body: what it says must not pass for a header (RFC 9110, section 6.5.1)
        self._count(len(name) + len(value) + len(": \r\n"))
        if len(self.headers) == MAX_HEADERS:
            self._fail(HeadError(431, f"There are more than {MAX_HEADERS} headers"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            return  # the head comes again
        self._head_bytes = None
        self._stop_clock()
        self._waiting.pop(self, None)
        try:
            if len(self.pipeline) == self.max_pipelined:
                raise HeadError(429, "Too many requests were sent in advance")
            version = self.parser.get_http_version()
            check_framing(version, self.headers)
            self.url = origin_form(self.parser.get_method(), self.url, self.headers)
            check_hosts(version, [value for name, value in self.headers if name == b"host"])
        except HeadError as error:
            self._fail(error)
        super().on_headers_complete()
        if self.expect_100_continue:  # whether a body follows depends on our answer: what is next would be a guess
            self.cycle.keep_alive = False
        self.scope["state"]["send_body"] = self.cycle.send

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.transport = cast(asyncio.Transport, JoinedHead(cycle, self.loop))
        super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        if self._head_bytes is None:
            self._end_linger()
            super().on_message_complete()

    # ---- what goes out ----------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if not self.cycle.response_complete:
            return  # there is another one, sent in advance
        self._waiting[self] = None
        if self.cycle.more_body:
            self._linger_deadline = self.loop.call_later(self.max_linger_seconds, self.transport.abort)

    def _count(self, num_bytes: int) -> None:
        """Of a head that came in one read with what follows it, only its lines tell the size."""
        self._line_bytes += num_bytes
        if self._line_bytes > self.max_head_bytes:
            self._fail(self._too_large())

    def _too_large(self) -> HeadError:
        return HeadError(431, f"The request line and headers are larger than {self.max_head_bytes} bytes")

    def _fail(self, error: HeadError) -> None:
        """Ends parsing; the parser raises an error of its own in place of this one."""
        self._head_error = error
        raise error

    def _refuse(self, status: int, message: str) -> None:
        """Answers a request that cannot be read, where an answer has its place, and ends the connection."""
        self._is_deaf = True
        self._stop_clock()
        cycle = self.cycle
        if (
            cycle is None
            or cycle.response_complete
            or not (cycle.response_started or self.pipeline or _is_whole(cycle))
        ):
            self.transport.write(_answer(status, message, self.url))
            self.transport.close()
        elif _is_whole(cycle):
            cycle.keep_alive = False  # those before it are answered; this answer would stand in the midst of theirs
        else:
            self.transport.abort()

    # ---- clocks -----------------------------------------------------------------------------------------------------

    def _start_clock(self) -> None:
        if self._head_deadline is None:
            self._head_deadline = self.loop.call_later(self.max_head_seconds, self._time_out)

    def _stop_clock(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _end_stall(self) -> None:
        if self._stall_deadline is not None:
            self._stall_deadline.cancel()
            self._stall_deadline = None

    def _end_linger(self) -> None:
        if self._linger_deadline is not None:
            self._linger_deadline.cancel()
            self._linger_deadline = None

    def _time_out(self) -> None:
        if self._head_bytes is None:  # it never said a word
            self.transport.close()
        else:
            self._refuse(408, f"The request line and headers did not arrive within {self.max_head_seconds:g} seconds")


def _is_whole(cycle: Any) -> bool:
    """Whether all of a request's body has come."""
    return not cycle.more_body


def _answer(status: int, message: str, url: bytes) -> bytes:
    """In the dialect of the path, if that has arrived."""
    facts = error_facts(HTTPException(status, message))
    dialect = dialect_of_path(url.partition(b"?")[0].decode("latin-1"))
    body, status = msgspec.json.encode(dialect.body(facts, "")), dialect.status(facts)
    head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    head += "x-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
    return STATUS_LINE[status] + head.encode() + body
