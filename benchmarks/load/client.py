"""Sends chat completions to one server."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from benchmarks.load.exchange import Exchange, Outcome, clock
from benchmarks.load.http import Connection


class Client:
    """Keeps connections open and uses them again.

    Args:
        url: `http://HOST:PORT`, without a path.
        api_key: sent as a bearer token where it is not empty.
        timeout: seconds that a request may take.
    """

    def __init__(self, url: str, *, api_key: str = "", timeout: float = 120.0) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url} is no http:// address")
        self._host, self._port = parts.hostname, parts.port or 80
        self._timeout = timeout
        self._idle: list[Connection] = []
        lines = [
            "POST /v1/chat/completions HTTP/1.1",
            f"Host: {parts.netloc}",
            "Content-Type: application/json",
            *([f"Authorization: Bearer {api_key}"] if api_key else []),
            "Content-Length: ",
        ]
        self._head = "\r\n".join(lines).encode()

    async def ask(self, body: bytes, due: float | None = None) -> Outcome:
        """Sends one request and reads its stream to the end. Never raises for what the server or the network does."""
        loop = asyncio.get_running_loop()
        exchange = Exchange(clock() if due is None else due, loop)
        outcome = exchange.outcome
        try:
            connection = await self._connection()
        except OSError as error:
            outcome.sent = outcome.ended = clock()
            outcome.error = f"no connection: {error.strerror or error}"
            return outcome
        outcome.sent = clock()
        connection.send(b"%b%d\r\n\r\n%b" % (self._head, len(body), body), exchange)
        deadline = loop.call_later(self._timeout, connection.close)
        try:
            await exchange.done
        finally:
            deadline.cancel()
            if connection.is_reusable:
                self._idle.append(connection)
            else:
                connection.close()
        return outcome

    def close(self) -> None:
        """Closes idle connections."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_reusable:
                return connection
        _, connection = await asyncio.get_running_loop().create_connection(Connection, self._host, self._port)
        return connection
