"""Keeps web pages of other sites from reaching a server that listens on loopback.

A page can make its visitor's browser send requests to 127.0.0.1. By DNS rebinding it even reads the answers: its own
name then resolves to 127.0.0.1, but the browser still sends that name in `Host`. And without reading, it can make the
server work: then the browser sends the page's name in `Origin`. So both must name this machine.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from sampan.config import ServerConfig
from sampan.server.http.errors import error_response

AUTHORITY = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?", re.ASCII)


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a name or address, without port or brackets, means this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def host_name(authority: str) -> str:
    """The name in `name`, `name:port` or `[address]:port`, in lower case; empty where it is malformed."""
    match = AUTHORITY.fullmatch(authority.lower())
    return match["address"] or match["name"].removesuffix(".") if match else ""


class HostGuard:
    """ASGI middleware: answers 403 where `Host` or `Origin` is not a name of this server.

    Where the server listens beyond loopback and has no `allowed_hosts`, its names are unknown and only `Origin` is
    checked.
    """

    def __init__(self, app: ASGIApp, config: ServerConfig) -> None:
        self.app = app
        self.any_host = not is_loopback(config.host.lower()) and not config.allowed_hosts
        self.names = {config.host.lower(), *(name.lower() for name in config.allowed_hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._allows(scope["headers"]):
            refusal = HTTPException(
                403, "The Host or Origin header does not name this server. Its option --allowed-host adds a name"
            )
            await error_response(refusal)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _allows(self, headers: list[tuple[bytes, bytes]]) -> bool:
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        if len(hosts) != 1 or not host_name(hosts[0]):
            return False
        host = host_name(hosts[0])
        return (self.any_host or self._is_ours(host)) and all(
            self._is_ours(name) or (self.any_host and name == host)
            for name in (host_name(origin.partition("://")[2]) for origin in origins)
        )

    def _is_ours(self, name: str) -> bool:
        return is_loopback(name) or name in self.names
