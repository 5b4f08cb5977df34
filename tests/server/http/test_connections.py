"""Clients that go on and on, and more of them than there is room for."""

from __future__ import annotations

import socket
import time

import httpx
import pytest

from raw_http import status_and_error, talk
from sampan.server.http import capacity
from sampan.server.http.protocol import BoundedHttpProtocol
from scripted_engine import ScriptedEngine

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
BODY = b'{"prompt":"hi","stream":true}'
STREAM = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
STREAM += b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


def connect(live):
    return socket.create_connection((live.host, live.port), timeout=20)


def is_closed(connection):
    try:
        return connection.recv(65536) == b""
    except ConnectionResetError:
        return True


def test_a_body_that_nobody_wants_ends_the_connection_in_time(serve, monkeypatch):
    """The answer comes at once, the client may finish its body, and one that drips does not hold the connection."""
    monkeypatch.setattr(BoundedHttpProtocol, "max_linger_seconds", 0.5)
    live = serve(ScriptedEngine())
    head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    with connect(live) as connection:
        connection.sendall(head + b"x" * 10)
        assert connection.recv(65536).startswith(b"HTTP/1.1 404")
        connection.sendall(b"x" * 990 + LIVEZ + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        time.sleep(0.7)
        connection.sendall(LIVEZ + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    with connect(live) as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 404")
        assert is_closed(connection)


def test_who_waits_for_a_word_before_the_body_gets_the_answer_and_the_end(serve):
    head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 46\r\nExpect: 100-continue\r\n\r\n"
    answer = talk(serve(ScriptedEngine()), head)
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"\r\nconnection: close\r\n" in answer


def test_rubbish_behind_a_stream_does_not_stand_in_the_midst_of_it(serve):
    live = serve(ScriptedEngine(["</think>" + "x" * 20], delay=0.02))
    answer = talk(live, STREAM, b"rubbish\r\n\r\n", LIVEZ + b"\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n") or answer.endswith(b"0\r\n\r\n")
    assert b"400" not in answer.split(b"\r\n", 1)[0]


@pytest.mark.parametrize("count", [5, 100_000])
def test_requests_in_advance_are_bounded(serve, count):
    """Behind a stream that takes its time; what is too much is never parsed, and the stream ends whole."""
    engine = ScriptedEngine(["</think>" + "x" * 20], delay=0.02)
    live = serve(engine)
    answer = talk(
        live, STREAM, (LIVEZ + b"\r\n") * min(count, 1000) * (count // 1000 or 1), LIVEZ + b"Connection: close\r\n\r\n"
    )
    answered = answer.count(b'{"status":"alive"}')
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"data: [DONE]" in answer
    assert answered == (count + 1 if count == 5 else BoundedHttpProtocol.max_pipelined)


def test_an_incomplete_head_in_advance_does_not_break_the_stream(serve, monkeypatch):
    monkeypatch.setattr(BoundedHttpProtocol, "max_head_seconds", 0.2)
    live = serve(ScriptedEngine(["</think>" + "x" * 20], delay=0.05))
    answer = talk(live, STREAM + b"GET /livez HT")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"data: [DONE]" in answer


@pytest.fixture
def small(serve, monkeypatch):
    """A server with room for four connections."""
    monkeypatch.setattr("sampan.server.run.raise_descriptor_limit", lambda: 4)
    return lambda engine: serve(engine)


def test_the_longest_idle_connection_makes_room(small):
    live = small(ScriptedEngine())
    connections = []
    for _ in range(4):
        connections.append(connect(live))
        connections[-1].sendall(LIVEZ + b"\r\n")
        assert connections[-1].recv(65536).startswith(b"HTTP/1.1 200")
    connections[0].sendall(LIVEZ + b"\r\n")  # the second is now the one that was idle longest
    assert connections[0].recv(65536).startswith(b"HTTP/1.1 200")
    assert httpx.get(f"{live.url}/livez").status_code == 200
    assert is_closed(connections[1])
    connections[0].sendall(LIVEZ + b"\r\n")
    assert connections[0].recv(65536).startswith(b"HTTP/1.1 200")
    for connection in connections:
        connection.close()


def test_slow_heads_do_not_keep_others_out(small):
    live = small(ScriptedEngine())
    slow = [connect(live) for _ in range(4)]
    for connection in slow:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: loc")
    for _ in range(3):
        assert httpx.get(f"{live.url}/livez").status_code == 200
    for connection in slow:
        connection.close()


def test_connections_that_are_being_answered_stay(small):
    live = small(ScriptedEngine(["</think>" + "x" * 10], delay=0.1))
    streams = [connect(live) for _ in range(4)]
    for connection in streams:
        connection.sendall(STREAM.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    live.wait_until(lambda: len(live.engine.open_ids) == 4)
    status, error = status_and_error(talk(live, LIVEZ + b"\r\n"))
    assert (status, error["type"]) == (503, "unavailable_error")
    for connection in streams:
        with connection:
            received = b""
            while data := connection.recv(65536):
                received += data
            assert b"data: [DONE]" in received
    assert httpx.get(f"{live.url}/livez").status_code == 200


def test_descriptors_suffice_for_what_is_promised(monkeypatch):
    granted = []
    monkeypatch.setattr(capacity.resource, "getrlimit", lambda kind: (256, 1024))
    monkeypatch.setattr(capacity.resource, "setrlimit", lambda kind, limits: granted.append(limits))
    assert capacity.raise_descriptor_limit() == 1024 - capacity.RESERVED_DESCRIPTORS
    monkeypatch.setattr(capacity.resource, "getrlimit", lambda kind: (256, capacity.resource.RLIM_INFINITY))
    assert capacity.raise_descriptor_limit() == capacity.MAX_CONNECTIONS
    assert [soft for soft, _ in granted] == [1024, capacity.MAX_CONNECTIONS + capacity.RESERVED_DESCRIPTORS]
