"""What a request's first lines must be like beyond what the parser asks for, so that nobody between the client and us
reads them in another way than we do (RFC 9112; request smuggling)."""

from __future__ import annotations

from collections.abc import Sequence

import httptools

MAX_HEADERS = 128
VERSIONS = ("1.0", "1.1")

Headers = list[tuple[bytes, bytes]]


class HeadError(Exception):
    """A head that is not answered, with the status and the message that say why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def check_framing(version: str, headers: Headers) -> None:
    """Refuses what leaves open where the body ends. The parser has refused most of it: two lengths, a length beside a
    coding, and codings that end otherwise than with `chunked`.

    Raises:
        HeadError: another version than 1.0 and 1.1, or a transfer coding that we do not speak.
    """
    if version not in VERSIONS:
        raise HeadError(505, "This server speaks HTTP/1.1 and HTTP/1.0")
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and version == "1.0":
        raise HeadError(400, "HTTP/1.0 has no Transfer-Encoding")
    if codings and codings != [b"chunked"]:
        raise HeadError(501, "The only Transfer-Encoding that this server knows is chunked")


def origin_form(method: bytes, target: bytes, headers: Headers) -> bytes:
    """The target as path and query. Where it is a whole URL (RFC 9112, section 3.2.2), the authority in it is what
    counts: it takes the place of `Host`, so that what is checked later is what was asked for.

    Raises:
        HeadError: the target is not for a server like this.
    """
    if method == b"CONNECT":
        raise HeadError(400, "This server is no proxy")
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return target
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise HeadError(400, "The request target is neither a path nor a URL") from None
    if url.schema not in (b"http", b"https") or url.userinfo is not None or not url.host:
        raise HeadError(400, "The request target is no URL of a web server")
    authority = b"[%b]" % url.host if b":" in url.host else url.host
    if url.port is not None:
        authority += b":%d" % url.port
    headers[:] = [*(header for header in headers if header[0] != b"host"), (b"host", authority)]
    return (url.path or b"/") + (b"?" + url.query if url.query is not None else b"")


def without_offer(method: bytes, target: bytes, headers: Headers) -> bytes:
    """The head of a request again, without its offer to change the protocol."""
    kept = [(name, value) for name, value in headers if name not in (b"connection", b"upgrade", b"http2-settings")]
    if any(name == b"connection" and b"close" in value.lower() for name, value in headers):
        kept.append((b"connection", b"close"))
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, b"".join(b"%b: %b\r\n" % header for header in kept))


def check_hosts(version: str, hosts: Sequence[bytes]) -> None:
    """Exactly one `Host` (RFC 9112, section 3.2), but that HTTP/1.0 may have none.

    Raises:
        HeadError: there are none, or several.
    """
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        raise HeadError(400, "A request has exactly one Host header")
