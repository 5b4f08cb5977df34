"""Takes connections from a listening socket that several processes share."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Collection
from contextlib import suppress

logger = logging.getLogger("sampan.server")

SECONDS_PER_CONNECTION = 0.0002
MAX_SECONDS = 0.005
RETRY_SECONDS = 0.1  # after there was no descriptor or memory for another connection
HANDSHAKE_SECONDS = 20.0  # for TLS
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
    b'{"error":{"message":"This server has no room for another connection","type":"unavailable_error","param":null,'
    b'"code":503}}'
)


class Acceptor:
    """Accepts connections one by one for as long as it is open; an `asyncio.Server` to those who close servers.

    The kernel wakes all workers for a connection, and the one that happens to be awake would win nearly every time. So
    each waits a moment before it accepts, the longer the more connections it has: the least busy one comes first.

    Args:
        listener: stays the caller's to close.
        make_protocol: for each connection.
        num_open: how many connections there are now; None where nobody shares the socket, so nobody has to wait.
        has_room: whether another connection may come beside those that are starting; else it is told and closed.
        tls: the context for a connection; None for plain HTTP.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        num_open: Callable[[], int] | None,
        has_room: Callable[[Collection[asyncio.Protocol]], bool] = lambda starting: True,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._make_protocol = make_protocol
        self._num_open = num_open
        self._has_room = has_room
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._is_open = True
        self._starting: dict[asyncio.Task[None], asyncio.Protocol] = {}  # the loop itself holds tasks but weakly
        self._resume()

    def close(self) -> None:
        """Connections that were accepted live on, but those that are still busy with their handshake."""
        self._is_open = False
        self._loop.remove_reader(self._listener)
        if self._tls is not None:
            for task in self._starting:
                task.cancel()

    async def wait_closed(self) -> None:
        """Returns once those that were being accepted have started."""
        await asyncio.gather(*self._starting, return_exceptions=True)

    def _resume(self) -> None:
        if self._is_open:
            self._loop.add_reader(self._listener, self._accept if self._num_open is None else self._queue_up)

    def _queue_up(self) -> None:
        assert self._num_open is not None
        self._loop.remove_reader(self._listener)
        self._loop.call_later(min(self._num_open() * SECONDS_PER_CONNECTION, MAX_SECONDS), self._accept_and_resume)

    def _accept_and_resume(self) -> None:
        if self._is_open:
            self._resume()
            self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster, or the client has left
        except OSError as error:
            logger.error("a connection cannot be accepted: %s", error.strerror)
            self._loop.remove_reader(self._listener)
            self._loop.call_later(RETRY_SECONDS, self._resume)
            return
        connection.setblocking(False)
        if not self._has_room(self._starting.values()):
            with connection, suppress(OSError):
                if self._tls is None:
                    connection.send(BUSY)
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        protocol = self._make_protocol()
        task = self._loop.create_task(self._start(connection, protocol))
        self._starting[task] = protocol
        task.add_done_callback(self._starting.pop)

    async def _start(self, connection: socket.socket, protocol: asyncio.Protocol) -> None:
        if self._tls is None:
            await self._loop.connect_accepted_socket(lambda: protocol, connection)
            return
        with suppress(OSError):  # ssl.SSLError among them: it spoke no TLS, took too long or left
            await self._loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._tls(), ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
