"""TLS with a certificate made here."""

from __future__ import annotations

import logging
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import trustme

from sampan.config import ServerConfig
from sampan.errors import ConfigError, UsageError
from sampan.server import watched_files
from sampan.server.http import acceptor
from sampan.server.http.tls import ServerCertificate
from scripted_engine import ScriptedEngine


class Issuer:
    """A certificate authority of this test alone."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.client = ssl.create_default_context()
        self.authority.configure_trust(self.client)

    def issue(self, folder: Path) -> dict[str, str]:
        """Writes a certificate for localhost; returns the settings that name it."""
        issued = self.authority.issue_cert("localhost", "127.0.0.1")
        with (folder / "cert.pem").open("wb") as file:
            file.writelines(blob.bytes() for blob in issued.cert_chain_pems)
        (folder / "key.pem").touch(0o600)
        (folder / "key.pem").write_bytes(issued.private_key_pem.bytes())
        return {"tls_cert": str(folder / "cert.pem"), "tls_key": str(folder / "key.pem")}


@pytest.fixture(scope="module")
def issuer():
    return Issuer()


@pytest.fixture
def live(serve, issuer, tmp_path):
    return serve(ScriptedEngine(["</think>hello"]), **issuer.issue(tmp_path))


def test_requests_and_streams(live, issuer):
    with httpx.Client(base_url=f"https://127.0.0.1:{live.port}", verify=issuer.client) as client:
        for _ in range(2):
            assert client.post("/generate", json={"prompt": "hi"}).json() == {"response": "hello"}
        with client.stream("POST", "/v1/completions", json={"prompt": "hi", "stream": True}) as response:
            assert response.read().endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("version", "speaks"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_versions(live, version, speaks):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, version
    with socket.create_connection((live.host, live.port), timeout=20) as connection:
        try:
            with context.wrap_socket(connection) as secured:
                assert secured.version() == version.name.replace("v1_", "v1.")
                assert "GCM" in secured.cipher()[0] or "CHACHA20" in secured.cipher()[0]
        except (ssl.SSLError, ConnectionError):
            assert not speaks
        else:
            assert speaks


@pytest.mark.parametrize("said", [b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\xff\xff", b""])
def test_what_is_no_tls_is_no_trouble(live, issuer, caplog, said):
    with socket.create_connection((live.host, live.port), timeout=20) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            assert b"HTTP" not in connection.recv(65536)
    assert httpx.get(f"https://127.0.0.1:{live.port}/livez", verify=issuer.client).status_code == 200
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_handshake_has_its_time(serve, issuer, tmp_path, monkeypatch):
    monkeypatch.setattr(acceptor, "HANDSHAKE_SECONDS", 0.2)
    live = serve(ScriptedEngine(), **issuer.issue(tmp_path))
    with socket.create_connection((live.host, live.port), timeout=20) as connection:
        assert connection.recv(1) == b""


def test_handshakes_count_as_connections(serve, issuer, tmp_path, monkeypatch):
    monkeypatch.setattr("sampan.server.run.raise_descriptor_limit", lambda: 2)
    live = serve(ScriptedEngine(), **issuer.issue(tmp_path))
    silent = [socket.create_connection((live.host, live.port), timeout=20) for _ in range(2)]
    with socket.create_connection((live.host, live.port), timeout=20) as connection:
        assert connection.recv(1) == b""
    for connection in silent:
        connection.close()


def test_a_renewed_certificate_counts_from_the_next_connection(issuer, tmp_path, monkeypatch, caplog):
    now = [0.0]
    monkeypatch.setattr(watched_files.time, "monotonic", lambda: now[0])
    certificate = ServerCertificate(ServerConfig(**issuer.issue(tmp_path)))
    first = certificate.context()
    issuer.issue(tmp_path)
    assert certificate.context() is first
    now[0] += watched_files.POLL_SECONDS
    second = certificate.context()
    assert second is not first
    (tmp_path / "key.pem").write_text("nothing")
    for _ in range(3):
        now[0] += watched_files.POLL_SECONDS
        assert certificate.context() is second
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "stays as it was" in errors[0]


def test_files_that_cannot_be_used(issuer, tmp_path):
    files = issuer.issue(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    foreign = issuer.issue(other)
    key = Path(files["tls_key"])
    open_to_all = tmp_path / "open.pem"
    open_to_all.write_bytes(key.read_bytes())
    open_to_all.chmod(0o644)
    rubbish = tmp_path / "rubbish.pem"
    rubbish.touch(0o600)
    rubbish.write_text("rubbish")
    for change, message in (
        ({"tls_cert": str(tmp_path / "absent")}, "absent: No such file"),
        ({"tls_key": str(tmp_path / "absent")}, "absent: No such file"),
        ({"tls_key": foreign["tls_key"]}, "does not belong to the certificate"),
        ({"tls_key": str(open_to_all)}, "0644 is open to others"),
        ({"tls_key": str(rubbish)}, "no TLS certificate and key"),
        ({"tls_cert": str(rubbish)}, "no TLS certificate and key"),
        ({"tls_cert": str(tmp_path)}, "no TLS certificate and key|Is a directory"),
    ):
        with pytest.raises(UsageError, match=message) as caught:
            ServerCertificate(ServerConfig(**{**files, **change}))
        assert caught.value.remedy


def test_a_key_with_a_password_is_refused_without_asking_for_it(issuer, tmp_path):
    from cryptography.hazmat.primitives import serialization as form

    files = issuer.issue(tmp_path)
    path = Path(files["tls_key"])
    private = form.load_pem_private_key(path.read_bytes(), None)
    encryption = form.BestAvailableEncryption(b"secret")
    path.write_bytes(private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, encryption))
    with pytest.raises(UsageError, match="has a password"):
        ServerCertificate(ServerConfig(**files))


@pytest.mark.parametrize("alone", ["tls_cert", "tls_key"])
def test_both_or_neither(alone):
    with pytest.raises(ConfigError, match="tls_cert"):
        ServerConfig(**{alone: "x.pem"})
