"""Sends bytes as they are and reads what comes back: no library that would put either in order."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass

SECONDS = 30.0
PIECE = 65536


@dataclass(frozen=True)
class Response:
    """One response as it was sent."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


def exchange(address: tuple[str, int], data: bytes, num_responses: int) -> list[Response]:
    """Sends `data` over a connection of its own. Waits for as many responses, then says that nothing will follow, and
    takes what still comes: there may be more responses than were expected."""
    with socket.create_connection(address, timeout=SECONDS) as connection:
        with suppress(ConnectionError):  # a server that refuses need not read all
            connection.sendall(data)
        reader = _Reader(connection)
        responses = []
        while (response := reader.response()) is not None:
            responses.append(response)
            if len(responses) == num_responses:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
        return responses


class _Reader:
    """Reads responses from a connection until it ends, or is reset."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._data = b""

    def response(self) -> Response | None:
        """The next one; None at the end."""
        if not self._data and not self._more():
            return None
        head = self._until(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        assert first.startswith(b"HTTP/1.1 "), first
        headers = dict(line.lower().split(b": ", 1) for line in lines)
        return Response(int(first.split()[1]), headers, self._body(headers, int(first.split()[1])))

    def _body(self, headers: dict[bytes, bytes], status: int) -> bytes:
        if headers.get(b"transfer-encoding") == b"chunked":
            body = b""
            while size := int(self._until(b"\r\n"), 16):
                body += self._exactly(size)
                assert self._exactly(2) == b"\r\n"
            assert self._exactly(2) == b"\r\n"
            return body
        return self._exactly(0 if status < 200 or status == 204 else int(headers[b"content-length"]))

    def _more(self) -> bool:
        try:
            data = self._connection.recv(PIECE)
        except ConnectionError:
            data = b""
        self._data += data
        return bool(data)

    def _until(self, end: bytes) -> bytes:
        while end not in self._data:
            assert self._more(), self._data
        found, _, self._data = self._data.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._data) < size:
            assert self._more(), self._data
        found, self._data = self._data[:size], self._data[size:]
        return found
