"""As much of HTTP/1.1 (RFC 9112) as a client of event streams needs, on an asyncio protocol: no copy, no task, no await
for a piece of a body."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

END_OF_HEAD = b"\r\n\r\n"


class Receiver(Protocol):
    """Is told of a response as it arrives."""

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None: ...

    def on_body(self, data: bytes) -> None:
        """A piece of the body, never empty."""

    def on_end(self, error: str) -> None:
        """The response is complete, or what went wrong. Called once."""


class Connection(asyncio.Protocol):
    """One connection; it carries one response at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._receiver: Receiver | None = None
        self._transport: asyncio.Transport | None = None
        self._left: int | None = None  # bytes of the body to come; None while the head is awaited, -1 where chunks say
        self._keep_alive = True

    @property
    def is_reusable(self) -> bool:
        """Whether another request may be sent."""
        return self._transport is not None and not self._transport.is_closing() and self._receiver is None

    def send(self, request: bytes, receiver: Receiver) -> None:
        """Sends a whole request; `receiver` is told of its response."""
        assert self._transport is not None
        self._receiver, self._left, self._keep_alive = receiver, None, True
        self._transport.write(request)

    def close(self) -> None:
        """Gives the connection up."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def connection_lost(self, exc: Exception | None) -> None:
        if self._receiver is not None:
            self._end(f"connection lost: {exc}" if exc else "connection closed")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while self._receiver is not None and self._take():
                pass
        except (ValueError, IndexError) as error:
            self._end(f"malformed response: {error}")
            self.close()

    def _take(self) -> bool:
        """Takes one part out of the buffer; false where more must arrive first."""
        if self._left is None:
            return self._take_head()
        if self._left < 0:
            return self._take_chunk()
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: len(piece)]
        self._left -= len(piece)
        self._hand_on(piece)
        if self._left == 0:
            self._end("")
        return bool(piece)

    def _take_head(self) -> bool:
        end = self._buffer.find(END_OF_HEAD)
        if end < 0:
            return False
        start, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + len(END_OF_HEAD)]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        self._keep_alive = headers.get(b"connection", b"").lower() != b"close"
        is_chunked = headers.get(b"transfer-encoding", b"").lower() == b"chunked"
        self._left = -1 if is_chunked else int(headers[b"content-length"]) if b"content-length" in headers else 0
        assert self._receiver is not None
        self._receiver.on_head(int(start.split(b" ", 2)[1]), headers)
        if self._left == 0:
            self._end("")
        return True

    def _take_chunk(self) -> bool:
        line = self._buffer.find(b"\r\n")
        if line < 0:
            return False
        size = int(self._buffer[:line].partition(b";")[0], 16)
        end = line + 2 + size + 2
        if len(self._buffer) < end:
            return False
        piece = bytes(self._buffer[line + 2 : end - 2])
        del self._buffer[:end]
        self._hand_on(piece)
        if size == 0:
            self._end("")
        return True

    def _hand_on(self, piece: bytes) -> None:
        if piece and self._receiver is not None:
            self._receiver.on_body(piece)

    def _end(self, error: str) -> None:
        receiver, self._receiver = self._receiver, None
        if not self._keep_alive:
            self.close()
        if receiver is not None:
            receiver.on_end(error)
