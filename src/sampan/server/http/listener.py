"""The listening socket, and the one line that says where it is. Imports no HTTP library: the supervisor holds it."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket

from sampan.config import ServerConfig
from sampan.errors import UsageError

logger = logging.getLogger("sampan.server")

BACKLOG = 2048


def bind_socket(config: ServerConfig) -> socket.socket:
    """A listening socket on the configured address. Bind before loading a model: a port in use is then known at once.

    Raises:
        UsageError: the address is not one of this machine, or others can reach it, there are no API keys and
            `allow_remote` is off, or the port is in use or not permitted.
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
        _check_exposure(config, where)
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


def _check_exposure(config: ServerConfig, where: str) -> None:
    """Whether an address that other machines can reach may be served."""
    if config.has_keys:
        if not config.has_tls:
            logger.warning(
                "keys, prompts and answers cross the network unencrypted at %s: there is no --tls-cert", where
            )
        return
    if not config.allow_remote:
        raise UsageError(
            f"{config.host} can be reached by other machines, and there are no API keys",
            remedy="make one: sampan key create NAME --api-key-file FILE; or use --host 127.0.0.1",
        )
    logger.warning("ANYONE who can reach %s can use this server: there are no API keys", where)


def announce(listener: socket.socket, *, tls: bool = False) -> None:
    """Prints `Sampan listening on http://HOST:PORT`, or https, the one line that scripts wait for."""
    print(f"Sampan listening on {url_of(listener, tls=tls)}", flush=True)


def url_of(listener: socket.socket, *, tls: bool = False) -> str:
    """Where a listening socket can be reached."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"{scheme}://{host}:{port}"
