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

from sampan.config import ANY_ORIGIN, ServerConfig
from sampan.server.http.errors import error_response

AUTHORITY = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?", re.ASCII)


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a name or address, without port or brackets, means this machine only."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def host_name(authority: str) -> str:
    """The name in `name`, `name:port` or `[address]:port`, in lower case; empty where it is malformed."""
    match = AUTHORITY.fullmatch(authority.lower())
    return match["address"] or match["name"].removesuffix(".") if match else ""


class HostGuard:
    """ASGI middleware: answers 403 where `Host` or `Origin` is not a name of this server, 400 where `Host` is no name.

    Where the server listens beyond loopback and has no `allowed_hosts`, its names are unknown and only `Origin` is
    checked. A request without `Host` passes: the protocol lets only HTTP/1.0 do without, and no browser speaks that.
    """

    def __init__(self, app: ASGIApp, config: ServerConfig) -> None:
        self.app = app
        self.any_host = not is_loopback(config.host.lower()) and not config.allowed_hosts
        self.names = {config.host.lower(), *(name.lower() for name in config.allowed_hosts)}
        self.origins = frozenset(config.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope["headers"]) if scope["type"] == "http" else None
        if refusal is None:
            await self.app(scope, receive, send)
        else:
            await error_response(refusal)(scope, receive, send)

    def _refusal(self, headers: list[tuple[bytes, bytes]]) -> HTTPException | None:
        hosts = [host_name(value.decode("latin-1")) for name, value in headers if name == b"host"]
        origins = [value.decode("latin-1").lower() for name, value in headers if name == b"origin"]
        if len(hosts) > 1 or not all(hosts):
            return HTTPException(400, "The Host header is not the name of a server")
        host = hosts[0] if hosts else ""
        if host and not (self.any_host or self._is_ours(host)):
            return HTTPException(
                403, "The Host header does not name this server. Its option --allowed-host adds a name"
            )
        if all(self._admits(origin, host) for origin in origins):
            return None
        remedy = "Its options --allowed-host and --cors-origin add some"
        return HTTPException(403, f"The Origin header names a page that may not use this server. {remedy}")

    def _admits(self, origin: str, host: str) -> bool:
        if origin in self.origins or ANY_ORIGIN in self.origins:
            return True
        name = host_name(origin.partition("://")[2])
        return self._is_ours(name) or (self.any_host and name == host != "")

    def _is_ours(self, name: str) -> bool:
        return is_loopback(name) or name in self.names
