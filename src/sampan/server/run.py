"""Runs the application on a socket until a signal says stop."""

from __future__ import annotations

import errno
import ipaddress
import logging
import math
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from sampan.config import ServerConfig
from sampan.errors import UsageError
from sampan.server.http_protocol import BoundedHttpProtocol
from sampan.server.service import Service

logger = logging.getLogger("sampan.server")

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75  # longer than the 60 s of common proxies, so that the proxy is the one to close
CANCEL_SECONDS = 2  # for answers that are cut, to tell their clients


def bind_socket(config: ServerConfig) -> socket.socket:
    """A listening socket on the configured address. Bind before loading a model: a port in use is then known at once.

    Raises:
        UsageError: the address is not one of this machine, others can reach it and `allow_remote` is off, or the port
            is in use or not permitted.
    """
    where = f"{config.host}:{config.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise UsageError(
            f"host {config.host!r} cannot be resolved", remedy="use 127.0.0.1 or a name of this machine"
        ) from error
    if not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        if not config.allow_remote:
            raise UsageError(
                f"{config.host} can be reached by other machines, and this version has no API keys yet",
                remedy="use --host 127.0.0.1 and put a proxy that checks who asks before it",
            )
        logger.warning("ANYONE who can reach %s can use this server: there are no API keys", where)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"{where} is in use", remedy="choose another port, or --port 0 for any free one"
            ) from error
        if error.errno == errno.EACCES:
            raise UsageError(f"{where} needs more rights than you have", remedy="use a port from 1024 on") from error
        raise UsageError(
            f"{where} cannot be bound: {error.strerror}", remedy="use an address of this machine"
        ) from error
    return listener


def run_server(app: FastAPI, config: ServerConfig, *, listener: socket.socket | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then lets open answers finish, for `drain_timeout_seconds` at most, and returns.
    A second signal cuts them, a third kills the process.

    Prints `Sampan listening on http://HOST:PORT` on standard output once the engine is ready to answer.

    Args:
        app: from `create_app`.
        listener: from `bind_socket`; made here where it is not given.

    Raises:
        UsageError: see `bind_socket`.
    """
    listener = listener or bind_socket(config)
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
        on_ready=lambda: print(f"Sampan listening on {url_of(listener)}", flush=True),
    )
    server.run(sockets=[listener])


def url_of(listener: socket.socket) -> str:
    """Where a listening socket can be reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn's server, which says when the engine is ready, and which on a signal stays up, but unready, until open
    requests have ended."""

    def __init__(self, config: uvicorn.Config, service: Service, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._service = service
        self._on_ready: Callable[[], None] | None = on_ready
        self._drain_ends = math.inf
        self._num_signals = 0

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
