"""Asks everybody for an API key and keeps its limits, before a body is read and before there is any work."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from sampan.errors import OverloadedError
from sampan.server.http.errors import error_response
from sampan.server.security.account import Account, is_limited
from sampan.server.security.authenticator import Authenticator
from sampan.server.security.client import Client, current_client
from sampan.server.security.keys import ApiKey, utc_now
from sampan.server.security.ledger import Ledger

# Probes, which tell nothing but the state, and the chat page, whose files hold no secret: it asks its user for the key.
PUBLIC_PATHS = frozenset({"/livez", "/readyz", "/health", "/"})
PUBLIC_PREFIX = "/page/"
ADMIN_PREFIX = "/admin"
HEADERS = frozenset({b"authorization", b"x-api-key", b"api-key"})  # OpenAI's, Anthropic's and Azure's
SCHEME = b"bearer "


class KeyGuard:
    """ASGI middleware: answers 401 where a request brings no key of ours, 403 where its role does not suffice, and 429
    where its limits are reached.

    What is public is listed here, so that a new route is guarded unless somebody decides otherwise. Paths are compared
    as the router compares them: after decoding, without the query, and never taken from `Host`.
    """

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, ledger: Ledger) -> None:
        self.app = app
        self._authenticator = authenticator
        self._ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_public(scope):
            await self.app(scope, receive, send)
            return
        with ExitStack() as held:
            try:
                key = self._authenticate(scope)
                account = held.enter_context(Account(key, self._ledger)) if is_limited(key) else None
            except (HTTPException, OverloadedError) as error:
                await error_response(error)(scope, receive, send)
                return
            client = scope["state"]["client"] = Client.of(key, account)
            held.callback(current_client.reset, current_client.set(client))
            await self.app(scope, receive, send)

    def _authenticate(self, scope: Scope) -> ApiKey:
        secrets = set(_presented(scope["headers"]))
        if len(secrets) != 1:
            raise _unauthorized("More than one API key was sent" if secrets else "No API key was sent")
        key = self._authenticator.find(secrets.pop())
        if key is None:
            raise _unauthorized("The API key is not one of this server's")
        if key.has_expired(utc_now()):
            raise _unauthorized("The API key has expired")
        path: str = scope["path"]
        if key.role != "admin" and (path == ADMIN_PREFIX or path.startswith(f"{ADMIN_PREFIX}/")):
            raise HTTPException(403, "This needs an API key with the role admin")
        return key


def _is_public(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["method"] in ("GET", "HEAD") and (path in PUBLIC_PATHS or path.startswith(PUBLIC_PREFIX))


def _presented(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[bytes]:
    for name, value in headers:
        if name in HEADERS:
            if name != b"authorization":
                yield value.strip()
            elif value[: len(SCHEME)].lower() == SCHEME:  # another scheme is for a proxy before us
                yield value[len(SCHEME) :].strip()


def _unauthorized(reason: str) -> HTTPException:
    """RFC 9110, section 11.6.1: what to send instead is named."""
    return HTTPException(401, f"{reason}. Send one as: Authorization: Bearer KEY", {"www-authenticate": "Bearer"})
