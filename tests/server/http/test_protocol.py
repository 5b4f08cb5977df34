"""What may come before a body, over a real connection."""

from __future__ import annotations

import httpx
import pytest

from raw_http import status_and_error, talk
from sampan.server.http.protocol import BoundedHttpProtocol
from scripted_engine import ScriptedEngine


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x00\xf4\r\n",
    ],
)
def test_what_is_no_http(serve, request_bytes):
    status, error = status_and_error(talk(serve(ScriptedEngine()), request_bytes))
    assert (status, error["code"], error["type"]) == (400, 400, "BadRequestError")


@pytest.mark.parametrize("piece", [b"X-A: b\r\n" * 100, b"a" * 800], ids=["many headers", "one endless header"])
def test_endless_head(serve, piece):
    start = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: "
    answer = talk(serve(ScriptedEngine()), start, *[piece] * 2000)
    if answer:  # else the reset came first, for a client that still sends
        assert status_and_error(answer)[0] == 431


def test_a_head_just_within_the_bound(serve):
    live = serve(ScriptedEngine(["</think>hello"], max_model_len=2**20))
    prompt = "x" * (BoundedHttpProtocol.max_head_bytes - 1000)
    assert httpx.post(f"{live.url}/generate", params={"prompt": prompt}).json() == {"response": "hello"}


def test_a_large_body_is_not_taken_for_a_head(serve):
    live = serve(ScriptedEngine(["</think>hello"], max_model_len=2**20))
    with httpx.Client() as client:
        for _ in range(2):
            answer = client.post(f"{live.url}/generate", json={"prompt": "x" * 300_000})
            assert answer.json() == {"response": "hello"}


@pytest.mark.parametrize(("pieces", "status"), [((), None), ((b"GET /livez HTTP/1.1\r\nHost: loc",), 408)])
def test_slow_heads(serve, monkeypatch, pieces, status):
    monkeypatch.setattr(BoundedHttpProtocol, "max_head_seconds", 0.2)
    answer = talk(serve(ScriptedEngine()), *pieces)
    assert (status_and_error(answer)[0] if status else answer) == (status or b"")


def test_long_answers_and_idle_connections_are_not_slow_heads(serve, monkeypatch):
    monkeypatch.setattr(BoundedHttpProtocol, "max_head_seconds", 0.2)
    live = serve(ScriptedEngine(["</think>hello"], delay=0.1))
    with httpx.Client() as client:
        for _ in range(2):
            assert client.post(f"{live.url}/generate", json={"prompt": "hi"}).json() == {"response": "hello"}


def test_pipelined_requests(serve):
    live = serve(ScriptedEngine())
    one = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
    answer = talk(live, (one + b"\r\n") * 2 + one + b"Connection: close\r\n\r\n")
    assert answer.count(b'{"status":"alive"}') == 3
