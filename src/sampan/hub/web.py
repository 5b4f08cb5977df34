"""One request over HTTP: redirects, who sees the token, what can be tried again.

The standard library's client does it: it takes proxies from the environment, trusts the certificates that the system
trusts, and costs nothing to install. Redirects are followed here, one by one, since the token must not follow them.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from email.utils import parsedate_to_datetime
from time import time
from urllib.error import URLError
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, UnknownHandler, getproxies

from sampan import __version__
from sampan.errors import HubError

TIMEOUT = 30.0  # seconds without a byte
MAX_REDIRECTS = 8
REDIRECTS = (301, 302, 303, 307, 308)
URL_CHARACTERS = "%/:=&?~#+!$,;'@()*[]"  # that stand for themselves in an address (RFC 3986, 2.2)
BUSY = (408, 425, 429)  # and 500 and above


class TransientError(Exception):
    """What may go away by itself. `retry_after`: seconds that the server asks for, or None."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RefusalError(Exception):
    """The server answers with a status that asking again does not change."""

    def __init__(self, url: str, status: int, headers: Message) -> None:
        super().__init__(f"{host_of(url)} answers with status {status}")
        self.status = status
        self.code = headers.get("X-Error-Code", "")


class Answer:
    """An answer of status 2xx whose body is still to be read."""

    def __init__(self, url: str, response: http.client.HTTPResponse) -> None:
        self._url, self._response = url, response
        self.status, self.headers = response.status, response.headers

    def read_into(self, buffer: memoryview) -> int:
        """How many bytes came; 0 at the end, or where the connection was cut. Raises TransientError: it broke."""
        try:
            return self._response.readinto(buffer)
        except (OSError, http.client.HTTPException) as error:
            raise TransientError(f"{host_of(self._url)} broke off: {_words(error)}") from error

    def read_all(self, limit: int) -> bytes:
        """The whole body. Raises TransientError: it broke; HubError: it is longer than `limit`."""
        try:
            data = self._response.read(limit + 1)
        except (OSError, http.client.HTTPException) as error:
            raise TransientError(f"{host_of(self._url)} broke off: {_words(error)}") from error
        if len(data) > limit:
            raise HubError(f"{host_of(self._url)} answers with more than {limit} bytes", remedy="try another --source")
        return data


class Web:
    """Asks on behalf of one hub. Several threads may use it.

    Args:
        endpoint: the hub's address; only it sees `private`.
        private: headers that prove who asks.
    """

    def __init__(self, endpoint: str, private: Mapping[str, str]) -> None:
        self._origin, self._private = _origin(endpoint), private
        self._reached = False  # an address that nobody ever answered at is more likely to be wrong than busy
        self._opener = OpenerDirector()
        for handler in (ProxyHandler(_proxies()), UnknownHandler(), HTTPHandler(), HTTPSHandler()):
            self._opener.add_handler(handler)

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        """The answer of status 2xx at the end of all redirects.

        Raises:
            TransientError: it may work later.
            RefusalError: it will not.
            HubError: there is no way there, or a redirect leads where none should.
        """
        for _ in range(MAX_REDIRECTS):
            with self._open(url, headers or {}) as response:
                if response.status not in REDIRECTS:
                    _check_status(url, response)
                    yield Answer(url, response)
                    return
                target = quote(urljoin(url, response.headers.get("Location", "")), safe=URL_CHARACTERS)
            if urlsplit(target).scheme not in ("https", urlsplit(url).scheme) or not urlsplit(target).hostname:
                raise HubError(f"{host_of(url)} redirects to {target[:80]!r}", remedy="try another --source")
            url = target
        raise HubError(f"{host_of(url)} redirects without end", remedy="try another --source")

    def _open(self, url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        request = Request(
            url, headers={"User-Agent": f"sampan/{__version__}", "Accept-Encoding": "identity", **headers}
        )
        if _origin(url) == self._origin:
            for name, value in self._private.items():
                request.add_header(name, value)
        try:
            response: http.client.HTTPResponse = self._opener.open(request, timeout=TIMEOUT)
        except (OSError, http.client.HTTPException) as error:
            raise self._explain(url, error.reason if isinstance(error, URLError) else error) from error
        self._reached = True
        return response

    def _explain(self, url: str, cause: object) -> HubError | TransientError:
        """Whether asking again may help where there was no answer."""
        if isinstance(cause, ssl.SSLCertVerificationError):
            remedy = "install ca-certificates; where a proxy has its own, name them: SSL_CERT_FILE=/path/to/ca.pem"
            return HubError(f"{host_of(url)} shows a certificate that is not trusted", remedy=remedy)
        what = f"{host_of(url)} cannot be reached: {_words(cause)}"
        is_lost = isinstance(cause, (socket.gaierror, ConnectionRefusedError)) and not self._reached
        if is_lost or not isinstance(cause, (OSError, http.client.HTTPException)):
            return HubError(what, remedy="check the network and its proxy (HTTPS_PROXY), or take another --source")
        return TransientError(what)


def _check_status(url: str, response: http.client.HTTPResponse) -> None:
    if 200 <= response.status < 300:
        return
    if response.status in BUSY or response.status >= 500:
        message = f"{host_of(url)} answers with status {response.status}"
        raise TransientError(message, _retry_after(response.headers.get("Retry-After", "")))
    raise RefusalError(url, response.status, response.headers)


def _retry_after(value: str) -> float | None:
    """RFC 9110, 10.2.3: seconds, or a date."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(parsedate_to_datetime(value).timestamp() - time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


def _words(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came for {TIMEOUT:g} s"
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__


def _proxies() -> dict[str, str]:
    """Those of the environment; ALL_PROXY is for the schemes that have none of their own."""
    found = getproxies()
    return {scheme: found.get(scheme) or found["all"] for scheme in ("http", "https") if found.keys() & {scheme, "all"}}


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def host_of(url: str) -> str:
    """For messages: without what a signed address carries."""
    return urlsplit(url).netloc.rpartition("@")[2]
