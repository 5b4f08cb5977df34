"""`sampan serve` with keys, TLS and two workers, as an operator runs it."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import trustme

from key_files import bearer, key_of, secret_of, write_keys
from sampan.server.security.key_store import add_key, remove_key
from server_process import READY, ServerProcess, sampan_serve

# Loaded by every Python process that finds it: writes down whom a process wants to reach.
WITNESS = """
import os, sys
def witness(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        with open(os.environ["WITNESS"], "a") as file:
            print(event, arguments[-1] if event == "socket.connect" else arguments, file=file)
sys.addaudithook(witness)
"""


class Secured:
    """A server, its key file, and how to speak with it."""

    def __init__(self, server: ServerProcess, keys: Path, context: ssl.SSLContext, attempts: Path) -> None:
        self.server, self.keys, self.context, self.attempts = server, keys, context, attempts

    def get(self, path: str, name: str) -> httpx.Response:
        """Over a connection of its own, so that any worker may get it."""
        return httpx.get(f"{self.server.url}{path}", headers=bearer(name), verify=self.context, timeout=60)

    def processes(self) -> list[int]:
        status = self.get("/admin/status", "root").json()
        return [status["supervisor"]["pid"], *(p["pid"] for kind in ("workers", "engines") for p in status[kind])]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    (folder / "key.pem").touch(0o600)
    issued.private_key_pem.write_to_path(folder / "key.pem")
    limited = key_of("limited", requests_per_minute=10)
    keys = write_keys(folder / "keys", key_of("root", role="admin"), key_of("ann"), limited)
    (folder / "witness").mkdir()
    (folder / "witness" / "sitecustomize.py").write_text(WITNESS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder / "witness"))
        patch.setenv("WITNESS", str(folder / "attempts"))
        files = ["--api-key-file", keys, "--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")]
        with sampan_serve("--workers", "2", *files) as server:
            yield Secured(server, folder / "keys", context, folder / "attempts")
            assert server.stop()[0] == 0


def test_it_says_https(secured: Secured) -> None:
    assert secured.server.line.startswith(f"{READY}https://127.0.0.1:")


def test_limits_hold_over_all_workers(secured: Secured) -> None:
    with ThreadPoolExecutor(8) as threads:
        status = sorted(threads.map(lambda _: secured.get("/v1/models", "limited").status_code, range(30)))
    assert status == [200] * 10 + [429] * 20


def test_roles(secured: Secured) -> None:
    assert secured.get("/admin/status", "root").status_code == 200
    assert secured.get("/admin/status", "ann").status_code == 403


def test_keys_come_and_go_without_a_restart(secured: Secured) -> None:
    def wait_for(status: int) -> None:
        """Until all workers say so: as many answers in a row as no chance explains."""
        ends, in_a_row = time.monotonic() + 30, 0
        while in_a_row < 12:
            assert time.monotonic() < ends
            in_a_row = in_a_row + 1 if secured.get("/v1/models", "new").status_code == status else 0
            time.sleep(0.1 if in_a_row == 0 else 0)

    wait_for(401)
    add_key(secured.keys, key_of("new"))
    wait_for(200)
    remove_key(secured.keys, "new")
    wait_for(401)


def test_no_process_reaches_out(secured: Secured) -> None:
    """While it answers, no process has a socket of an internet family but the one that clients come to, and none has
    ever asked for an address or tried to connect."""
    port = int(secured.server.url.rpartition(":")[2])
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 64}
    url = f"{secured.server.url}/v1/chat/completions"
    with httpx.stream("POST", url, json=body, headers=bearer("ann"), verify=secured.context, timeout=60) as response:
        assert response.status_code == 200
        pids = secured.processes()
        assert len(pids) == 4
        for pid in pids:
            assert {local for local, _ in internet_sockets(pid)} <= {port}
        response.read()
    attempts = secured.attempts.read_text().splitlines()
    assert attempts  # of the supervisor, which resolves --host
    assert [line for line in attempts if "127.0.0.1" not in line] == []


def internet_sockets(pid: int) -> Iterator[tuple[int, int]]:
    """Local and remote ports of a process's TCP and UDP sockets."""
    own = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        try:
            own.add(os.readlink(handle))
        except FileNotFoundError:
            continue
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            _, local, remote, *rest = line.split()
            if f"socket:[{rest[6]}]" in own:
                yield int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16)


def test_the_witness_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITNESS)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "WITNESS": str(tmp_path / "attempts")}
    code = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert (tmp_path / "attempts").read_text() == "socket.connect ('127.0.0.1', 9)\n"


def test_the_key_is_in_no_environment_and_no_command_line() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAMPAN_API_KEY", secret_of("root"))
        with sampan_serve() as server:
            assert httpx.get(f"{server.url}/v1/models").status_code == 401
            status = httpx.get(f"{server.url}/admin/status", headers=bearer("root")).json()
            children = [process["pid"] for kind in ("workers", "engines") for process in status[kind]]
            for pid in children:
                for what in ("environ", "cmdline"):
                    assert secret_of("root").encode() not in Path(f"/proc/{pid}/{what}").read_bytes()
            assert secret_of("root").encode() not in Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
            assert server.stop()[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--host", "0.0.0.0"], "there are no API keys"),
        (["--api-key-file", "/nonexistent/keys"], "No such file"),
        (["--api-key", "short"], "16 to 512 characters"),
        (["--tls-cert", "cert.pem"], "--tls-cert and --tls-key together"),
        (["--tls-cert", "/nonexistent/c", "--tls-key", "/nonexistent/k"], "No such file"),
        (["--cors-origin", "*"], "needs API keys"),
        (["--cors-origin", "app.example"], "as browsers do"),
    ],
)
def test_mistakes_are_known_before_a_model_is_loaded(options, message, capsys, monkeypatch):
    from sampan.cli.main import main

    monkeypatch.delenv("SAMPAN_API_KEY", raising=False)
    assert main(["serve", "/nonexistent/model", "--port", "0", *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "remedy:" in error


def test_a_file_without_keys_is_a_mistake(tmp_path, capsys):
    from sampan.cli.main import main

    assert main(["serve", "--port", "0", "--api-key-file", write_keys(tmp_path / "keys")]) == 2
    assert "holds no API key" in capsys.readouterr().err
