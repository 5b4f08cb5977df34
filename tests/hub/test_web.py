"""Redirects, and who gets through a proxy."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from sampan.errors import HubError
from sampan.hub.web import TransientError, Web


class Elsewhere(BaseHTTPRequestHandler):
    """Redirects as its path says; as a proxy, answers for every host."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as made:
        made.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def secure_server(server: ThreadingHTTPServer, tmp_path: Path) -> ThreadingHTTPServer:
    """Over TLS, with a certificate of an authority in `tmp_path/ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def ask(url: str) -> bytes:
    with Web(url, {"Authorization": "Bearer secret"}).get(url) as answer:
        return answer.read_all(100)


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("file:///etc/passwd", "redirects to 'file:///etc/passwd'"),
        ("ftp://127.0.0.1/", "redirects to 'ftp:"),
    ],
)
def test_redirects_stay_on_the_web(server: ThreadingHTTPServer, target: str, error: str) -> None:
    with pytest.raises(HubError, match=error):
        ask(f"http://127.0.0.1:{server.server_port}/to/{target}")


def test_redirects_end(server: ThreadingHTTPServer) -> None:
    address = f"http://127.0.0.1:{server.server_port}"
    assert ask(f"{address}/to//to//to//hello") == b"hello"
    with pytest.raises(HubError, match="redirects without end"):
        ask(f"{address}{'/to/' * 20}")


def test_certificates_are_checked_and_may_be_named(
    secure_server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"https://127.0.0.1:{secure_server.server_port}"
    with pytest.raises(HubError, match="shows a certificate that is not trusted") as caught:
        ask(f"{address}/hello")
    assert "SSL_CERT_FILE=" in caught.value.remedy
    assert secure_server.asked == []  # type: ignore[attr-defined]
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert ask(f"{address}/to/{address}/hello") == b"hello"
    with pytest.raises(HubError, match="redirects to 'http://"):
        ask(f"{address}/to/http://127.0.0.1/hello")


def test_an_answer_is_bounded(server: ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_port}/"
    with Web(url, {}).get(url) as answer, pytest.raises(HubError, match="more than 4 bytes"):
        answer.read_all(4)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_used(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{server.server_port}")
    assert ask("http://hub.invalid/x") == b"hello"
    ((path, _),) = server.asked  # type: ignore[attr-defined]
    assert path == "http://hub.invalid/x"


def test_a_proxy_of_another_kind_is_named(server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", f"socks5://127.0.0.1:{server.server_port}")
    with pytest.raises(HubError, match=r"hub\.invalid cannot be reached: .*socks5"):
        ask("http://hub.invalid/x")


def test_a_name_that_is_not_known_is_an_error_at_once() -> None:
    with pytest.raises(HubError, match=r"hub\.invalid cannot be reached"):
        ask("http://hub.invalid/x")


def test_a_server_that_ends_before_it_answers_may_answer_later() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def end() -> None:
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.close()

        thread = threading.Thread(target=end)
        thread.start()
        with pytest.raises(TransientError):
            ask(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()
