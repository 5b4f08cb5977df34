"""How a server starts and ends, as a process."""

from __future__ import annotations

import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from sampan.config import ServerConfig
from sampan.errors import UsageError
from sampan.server import bind_socket, url_of
from server_process import READY, scripted_server


def wait_until(condition):
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def status(url, path):
    try:
        return httpx.get(url + path).status_code
    except httpx.TransportError:
        return 0


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_one_line_when_ready_and_exit_code_0(sig):
    with scripted_server(answers=["</think>hello"]) as server:
        assert server.line.startswith(f"{READY}http://127.0.0.1:")
        assert status(server.url, "/readyz") == 200
        assert httpx.post(f"{server.url}/generate", params={"prompt": "hi"}).json() == {"response": "hello"}
        assert server.stop(sig) == (0, "")
        assert status(server.url, "/livez") == 0


def test_an_open_stream_ends_properly_while_the_server_is_live_but_not_ready():
    answer = "word " * 20
    with scripted_server(answers=[f"</think>{answer}"], delay=0.03) as server:
        body = {"prompt": "hi", "stream": True}
        with httpx.stream("POST", f"{server.url}/v1/completions", json=body, timeout=60) as response:
            lines = response.iter_lines()
            received = [next(lines)]
            server.process.terminate()
            wait_until(lambda: status(server.url, "/readyz") == 503)
            assert status(server.url, "/livez") == 200
            refused = httpx.post(f"{server.url}/generate", params={"prompt": "hi"})
            assert (refused.status_code, refused.json()["error"]["type"]) == (503, "unavailable_error")
            received += lines
        assert received[-2:] == ["data: [DONE]", ""]
        assert "".join(line.partition('"text":"')[2].partition('"')[0] for line in received) == f"</think>{answer}"
        assert server.process.wait(30) == 0


def test_a_second_signal_cuts_open_answers_properly():
    with scripted_server(delay=3600) as server, ThreadPoolExecutor() as threads:
        url = f"{server.url}/v1/chat/completions"
        body = {"messages": [{"role": "user", "content": "hi"}]}
        whole = threads.submit(httpx.post, url, json=body, timeout=60)
        with httpx.stream("POST", url, json={**body, "stream": True}, timeout=60) as response:
            lines = response.iter_lines()
            assert '"role":"assistant"' in next(lines)
            server.process.terminate()
            wait_until(lambda: status(server.url, "/readyz") == 503)
            server.process.terminate()
            *_, error, _, done, _ = lines
        assert json.loads(error.removeprefix("data: "))["error"]["code"] == 503
        assert done == "data: [DONE]"
        assert whole.result(60).status_code == 503
        assert server.process.wait(30) == 0


def test_open_answers_are_cut_at_the_end_of_the_drain_time():
    with scripted_server(delay=3600, config={"drain_timeout_seconds": 0.5}) as server:
        body = {"prompt": "hi", "echo": True, "stream": True}
        with httpx.stream("POST", f"{server.url}/v1/completions", json=body, timeout=60) as response:
            assert server.stop() == (0, "")
            assert '"code":503' in response.read().decode()


def test_a_port_in_use_is_told_at_once():
    with bind_socket(ServerConfig(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port} is in use") as caught:
            bind_socket(ServerConfig(port=port))
    assert caught.value.exit_code == 2
    assert "--port 0" in caught.value.remedy


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_other_machines_are_not_served_without_keys(host):
    with pytest.raises(UsageError, match="there are no API keys") as caught:
        bind_socket(ServerConfig(host=host, port=0))
    assert "127.0.0.1" in caught.value.remedy


@pytest.mark.parametrize("keys", [{"api_key_file": "keys"}, {"api_key_sha256": "0" * 64}])
def test_other_machines_are_served_with_keys(keys):
    with bind_socket(ServerConfig(host="0.0.0.0", port=0, **keys)) as listener:
        assert listener.getsockname()[1] > 0


def test_other_machines_are_served_on_demand_and_said_loudly(caplog):
    with bind_socket(ServerConfig(host="0.0.0.0", port=0, allow_remote=True)) as listener:
        assert listener.getsockname()[1] > 0
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "ANYONE" in caplog.text


@pytest.mark.parametrize(
    ("host", "allow_remote", "message"),
    [
        ("no-such-host.invalid", False, "cannot be resolved"),
        ("192.0.2.1", True, "cannot be bound"),
        ("a" * 300, False, "cannot be resolved"),
    ],
)
def test_unusable_addresses(host, allow_remote, message):
    with pytest.raises(UsageError, match=message):
        bind_socket(ServerConfig(host=host, port=0, allow_remote=allow_remote))


def test_urls():
    with bind_socket(ServerConfig(host="localhost", port=0)) as listener:
        assert url_of(listener).rpartition(":")[2] == str(listener.getsockname()[1])
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        listener = bind_socket(ServerConfig(host="::1", port=0))
    except UsageError:
        pytest.skip("this machine has no IPv6 loopback address")
    with listener:
        assert url_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"
