"""uvicorn's HTTP parser, with bounds on what comes before a body, and errors in the dialect of the path."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.exceptions import HTTPException
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from sampan.server.http.dialects import dialect_of_path
from sampan.server.http.errors import error_facts


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. A request's head (its first line and headers) that grows or takes too long ends it, and so does a
    client that does not read its answer.

    What a client has not read fills the kernel's buffers, then uvicorn's (64 KiB). After that `send` waits, so answers
    are written no faster than they are read. What the engine draws meanwhile waits as token ids, at most `max_tokens`.

    A request's state has `send_body`: the `send` of this class itself, without what the layers above it put around
    theirs. They look at the start of a response only, and a stream's events are many.

    Attributes:
        max_head_bytes: of one head.
        max_head_seconds: from the connection, or the head's first byte, to the head's end.
        max_stall_seconds: while nothing more can be written because nothing is read.
    """

    max_head_bytes = 64 * 1024
    max_head_seconds = 20.0
    max_stall_seconds = 60.0

    url = b""  # of the request that is being read; set by the base class from its first byte on
    _head_bytes: int | None = None  # read of a head; None while none is being read
    _line_bytes = 0  # of its lines that are complete: several may come in one read, and a body after them
    _head_deadline: asyncio.TimerHandle | None = None
    _stall_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        self._end_stall()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Called when the write buffer is full."""
        self._stall_deadline = self.loop.call_later(self.max_stall_seconds, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Called when most of it has been read."""
        self._end_stall()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_bytes is None or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > self.max_head_bytes:
            self._refuse_head()

    def on_message_begin(self) -> None:
        self._head_bytes = self._line_bytes = 0
        self._start_clock()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Called with the path and query, maybe in pieces."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called for each header, and for what follows the last chunk of a body: that is no header of the request, or a
        proxy that looks at headers would not have seen it."""
        if self._head_bytes is not None:
            self._count(len(name) + len(value) + len(": \r\n"))
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        self._stop_clock()
        super().on_headers_complete()
        self.scope["state"]["send_body"] = self.cycle.send

    def send_400_response(self, msg: str) -> None:
        """Called by the base class where the parser has stopped: it is no HTTP, or `_count` has stopped it."""
        if self._line_bytes > self.max_head_bytes:
            self._refuse_head()
        else:
            self._refuse(400, msg)

    def _count(self, num_bytes: int) -> None:
        self._line_bytes += num_bytes
        if self._line_bytes > self.max_head_bytes:
            raise OverflowError

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

    def _time_out(self) -> None:
        if self._head_bytes is None:  # it never said a word
            self.transport.close()
        else:
            self._refuse(408, f"The request line and headers did not arrive within {self.max_head_seconds:g} seconds")

    def _refuse_head(self) -> None:
        self._refuse(431, f"The request line and headers are larger than {self.max_head_bytes} bytes")

    def _refuse(self, status: int, message: str) -> None:
        """In the dialect of the path, if that has arrived."""
        if self._is_answering():  # what is written now would be taken for a part of that answer
            self.transport.close()
            return
        facts = error_facts(HTTPException(status, message))
        path = self.url.partition(b"?")[0].decode("latin-1")
        dialect = dialect_of_path(path)
        body, status = msgspec.json.encode(dialect.body(facts, "")), dialect.status(facts)
        head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self.transport.close()

    def _is_answering(self) -> bool:
        """Whether a response has begun and is not complete, or requests wait behind one."""
        cycle = self.cycle
        return bool(self.pipeline) or (cycle is not None and cycle.response_started and not cycle.response_complete)
