"""A client that leaves, over a real connection: its request ends at once, others go on."""

from __future__ import annotations

import json
import socket
import time

import httpx
import pytest

from engine_processes import engine_process
from sampan.cluster import EngineSpec, ProcessEngine
from sampan.config import EngineConfig
from sampan.server.http.protocol import BoundedHttpProtocol
from scripted_engine import ScriptedEngine

CHAT = {"messages": [{"role": "user", "content": "hi"}]}
LONG = "word " * 4000
FOREVER = 3600.0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", CHAT),
        ("/v1/chat/completions", {**CHAT, "n": 3}),
        ("/v1/chat/completions", {**CHAT, "stream": True}),
        ("/v1/chat/completions", {**CHAT, "stream": True, "n": 3}),
        ("/v1/completions", {"prompt": "hi"}),
        ("/generate", {"prompt": "hi"}),
    ],
)
@pytest.mark.parametrize("delay", [0.01, FOREVER], ids=["midway", "before the first token"])
def test_request_ends_when_its_client_leaves(serve, path, body, delay):
    live = serve(ScriptedEngine([LONG], delay=delay))
    connection = live.send(path, body)
    live.wait_until(lambda: len(live.engine.open_ids) == body.get("n", 1))
    assert live.engine.status().num_free_blocks < 100
    connection.close()
    live.wait_until(lambda: live.engine.status().num_free_blocks == 100)


@pytest.fixture(scope="module")
def real_engine():
    with engine_process(EngineSpec(config=EngineConfig(num_blocks=256))) as engine:
        yield engine


@pytest.mark.parametrize("stream", [False, True])
def test_blocks_of_the_real_engine_are_free_again(serve, real_engine, stream):
    client = ProcessEngine(real_engine.model.config, real_engine.model.max_model_len)
    live = serve(client, on_start=lambda: client.connect(real_engine.endpoint))
    live.wait_until(lambda: live.engine.status().num_free_blocks == 256)
    connection = live.send("/v1/completions", {"prompt": [9] * 40, "ignore_eos": True, "stream": stream})
    live.wait_until(lambda: live.engine.status().num_free_blocks < 256)
    if stream:
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
    assert live.engine.status().num_running == 1
    connection.close()
    live.wait_until(lambda: live.engine.status().num_free_blocks == 256)
    assert live.engine.status().num_running == 0


def test_a_stream_read_in_part_then_closed(serve):
    live = serve(ScriptedEngine([LONG], delay=0.001))
    with live.send("/v1/chat/completions", {**CHAT, "stream": True}) as connection:
        received = b""
        while b'"w"' not in received:
            received += connection.recv(4096)
    live.wait_until(lambda: not live.engine.open_ids)


def test_a_slow_reader_stalls_nobody_and_does_not_pile_up(serve):
    live = serve(ScriptedEngine(["x" * 1_000_000]), max_body_bytes=1024)
    with live.send("/v1/chat/completions", {**CHAT, "stream": True, "max_tokens": 900_000}) as slow:
        slow.recv(10)
        (stream,) = live.engine.streams
        live.wait_until(lambda: has_stalled(stream))
        assert 1 < stream.num_outputs < 200_000  # what lies in the kernel's buffers and uvicorn's
        live.engine.answers = ["</think>quick"]
        answer = httpx.post(f"{live.url}/generate", json={"prompt": "hi"}, timeout=20)
        assert answer.json() == {"response": "quick"}
        before = stream.num_outputs
        for _ in range(200):
            slow.recv(65536)
        live.wait_until(lambda: stream.num_outputs > before)  # it goes on where the client does
    live.wait_until(lambda: not live.engine.open_ids)


def has_stalled(stream):
    """Whether nothing is taken from the engine any more."""
    before = stream.num_outputs
    time.sleep(0.2)
    return stream.num_outputs == before


def test_an_answer_that_is_read_late_is_whole_and_held_no_blocks_meanwhile(serve, real_engine):
    client = ProcessEngine(real_engine.model.config, real_engine.model.max_model_len)
    live = serve(client, on_start=lambda: client.connect(real_engine.endpoint))
    body = {"prompt": [9] * 40, "ignore_eos": True, "max_tokens": 2000, "temperature": 0}
    whole = httpx.post(f"{live.url}/v1/completions", json=body, timeout=60).json()
    with live.send("/v1/completions", {**body, "stream": True}) as late:
        live.wait_until(lambda: live.engine.status().num_running == 1)
        live.wait_until(lambda: live.engine.status().num_free_blocks == 256)
        received = b""
        while b"data: [DONE]" not in received:
            received += late.recv(65536)
    events = [line[6:] for line in received.decode().splitlines() if line.startswith("data: {")]
    text = "".join(json.loads(event)["choices"][0]["text"] for event in events)
    assert text == whole["choices"][0]["text"]


def test_a_client_that_stops_reading_is_let_go(serve, monkeypatch):
    monkeypatch.setattr(BoundedHttpProtocol, "max_stall_seconds", 0.3)
    live = serve(ScriptedEngine(["x" * 1_000_000]))
    with live.send("/v1/chat/completions", {**CHAT, "stream": True, "max_tokens": 900_000}):
        live.wait_until(lambda: live.engine.streams)
        live.wait_until(lambda: not live.engine.open_ids)


def test_a_client_that_half_closes_is_gone(serve):
    live = serve(ScriptedEngine([LONG], delay=FOREVER))
    with live.send("/generate", {"prompt": "hi"}) as connection:
        live.wait_until(lambda: len(live.engine.open_ids) == 1)
        connection.shutdown(socket.SHUT_RDWR)
        live.wait_until(lambda: not live.engine.open_ids)


def test_other_requests_on_the_connection_are_served_after_a_refusal(serve):
    live = serve(ScriptedEngine(["</think>fine"]))
    with httpx.Client(base_url=live.url) as client:
        assert client.post("/generate", json={"prompt": ""}).status_code == 400
        assert client.post("/generate", json={"prompt": "hi"}).json() == {"response": "fine"}


def test_silence_is_filled_with_comments(serve):
    live = serve(ScriptedEngine(["t</think>ab"], delay=0.25), ping_interval_seconds=0.1)
    with httpx.stream("POST", f"{live.url}/v1/chat/completions", json={**CHAT, "stream": True}, timeout=20) as answer:
        lines = list(answer.iter_lines())
    assert lines.count(": ping") >= 4
    assert lines.index(": ping") > 0  # behind the chunk that says the request was accepted
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "ab"
    assert lines[-2:] == ["data: [DONE]", ""]


def test_hidden_reasoning_is_filled_with_comments_too(serve):
    live = serve(ScriptedEngine(["t" * 30 + "</think>ab"], delay=0.02), ping_interval_seconds=0.1)
    body = {**CHAT, "stream": True, "include_reasoning": False}
    with httpx.stream("POST", f"{live.url}/v1/chat/completions", json=body, timeout=20) as answer:
        assert ": ping" in list(answer.iter_lines())


def test_large_upload_gets_its_refusal(serve):
    live = serve(ScriptedEngine(), max_body_bytes=1024)
    answer = httpx.post(f"{live.url}/generate", content=b" " * 200_000, headers={"content-type": "application/json"})
    assert answer.status_code == 413
