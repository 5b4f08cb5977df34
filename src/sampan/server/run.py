"""Runs the application on a socket until a signal says stop."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import time
from collections.abc import Callable, Collection
from types import FrameType

import uvicorn
from fastapi import FastAPI

from sampan.server.http.acceptor import Acceptor
from sampan.server.http.capacity import Capacity, raise_descriptor_limit
from sampan.server.http.listener import BACKLOG
from sampan.server.http.protocol import BoundedHttpProtocol
from sampan.server.http.tls import ServerCertificate
from sampan.server.service import Service

KEEP_ALIVE_SECONDS = 75  # longer than the 60 s of common proxies, so that the proxy is the one to close
CANCEL_SECONDS = 2  # for answers that are cut, to tell their clients


def run_server(
    app: FastAPI,
    listener: socket.socket,
    *,
    on_start: Callable[[], None] = lambda: None,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serves until SIGTERM or SIGINT, then lets open answers finish, for `drain_timeout_seconds` at most, and returns.
    A second signal cuts them, a third kills the process.

    Args:
        app: from `create_app`.
        listener: from `bind_socket`; other processes may share it.
        on_start: called in the event loop before anything is served.
        on_ready: called once the engine is ready to answer.
    """
    service: Service = app.state.service
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="on",
            http=BoundedHttpProtocol,
            ws="none",
            log_config=None,
            access_log=False,  # it would log queries, and `POST /generate?prompt=...` is one; see `edge`
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=CANCEL_SECONDS,
        ),
        service,
        on_start,
        on_ready,
    )
    server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn's server, which says when the engine is ready, and which on a signal stays up, but unready, until open
    requests have ended."""

    def __init__(
        self, config: uvicorn.Config, service: Service, on_start: Callable[[], None], on_ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._service = service
        self._on_start = on_start
        self._on_ready: Callable[[], None] | None = on_ready
        self._drain_ends = math.inf
        self._num_signals = 0
        self._capacity = Capacity(raise_descriptor_limit())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called once the event loop runs."""
        self._on_start()
        await super().startup([])
        config = self._service.config
        num_open = self._num_open if config.workers > 1 else None
        tls = ServerCertificate(config).context if config.has_tls else None
        acceptors = [
            Acceptor(listener, self._make_protocol, num_open, self._has_room, tls) for listener in sockets or ()
        ]
        self.servers = acceptors  # type: ignore[assignment]  # it closes them and waits, no more

    def _num_open(self) -> int:
        return len(self.server_state.connections)

    def _has_room(self, starting: Collection[asyncio.Protocol]) -> bool:
        connected = self.server_state.connections
        return self._capacity.has_room(len(connected) + sum(protocol not in connected for protocol in starting))

    def _make_protocol(self) -> BoundedHttpProtocol:
        return BoundedHttpProtocol(self.config, self.server_state, self.lifespan.state, self._capacity.waiting)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called for each signal. The base class would raise it again at the end; a drained server ends in success."""
        self._num_signals += 1
        if self._num_signals > 2:  # the engine hangs: end as if no signal were handled
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        self._service.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if self._on_ready is not None and self._service.is_ready:
            self._on_ready()
            self._on_ready = None
        if self._service.draining and not self.should_exit:
            await self._drain()
        return await super().on_tick(counter)

    async def _drain(self) -> None:
        now = time.monotonic()
        self._drain_ends = min(self._drain_ends, now + self._service.config.drain_timeout_seconds)
        if self.server_state.tasks and now < self._drain_ends and self._num_signals < 2:
            return
        # Answers that are still open end with an error of their own, before uvicorn cancels what is left.
        await self._service.close()
        self.should_exit = True
