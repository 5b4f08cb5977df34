"""Odd and hostile bodies are answered in order: never 422, never 500, never what was sent."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from sampan.server.http import body as body_module
from scripted_engine import ScriptedEngine

JSON = {"content-type": "application/json"}
HELLO = b'{"messages":[{"role":"user","content":"hi"}]'


@pytest.mark.parametrize("path", ["/generate", "/v1/chat/completions", "/v1/completions"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"prompt":"\xff"}',
        b'{"prompt":"\\ud800","messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"\\udfff":1}',
        b"[" * 100_000,
        b'{"prompt":' + b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"prompt":"x","temperature":NaN}',
        b'{"prompt":"x","temperature":1e999}',
        b'{"prompt":"x","seed":' + b"9" * 5000 + b"}",
        b'{"prompt":"x","max_tokens":-1}',
        b'{"prompt":{"a":1},"messages":{"a":1}}',
    ],
    ids=range(17),
)
def test_malformed(ask, path, content):
    asked = ask()
    response = asked.request("POST", path, content=content, headers=JSON)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "BadRequestError"
    assert asked.engine.calls == []


def test_surrogates_beyond_the_reader_are_found_by_the_tokenizer(ask):
    # A query is decoded by the web framework, which never makes surrogates; this is the last line of defence.
    response = ask().post("/generate", params={"prompt": b"\xed\xa0\x80"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "Application/JSON; charset=utf-8"}, 200),
    ],
)
@pytest.mark.parametrize("path", ["/generate", "/v1/chat/completions"])
def test_only_json_is_read(ask, path, headers, status):
    content = HELLO + b',"prompt":"hi"}'
    response = ask().request("POST", path, content=content, headers=headers)
    assert response.status_code == status
    if status == 415:
        assert "application/json" in response.json()["error"]["message"]


def test_compressed_bodies_are_refused(ask):
    """A small one could grow to gigabytes."""
    for coding, status in (("gzip", 415), ("identity, gzip", 415), ("Identity", 200)):
        headers = {**JSON, "content-encoding": coding}
        assert ask().request("POST", "/generate", content=b'{"prompt":"hi"}', headers=headers).status_code == status


def test_declared_size_is_refused_before_reading(ask):
    response = ask(max_body_bytes=2000).request("POST", "/generate", content=b" " * 2001, headers=JSON)
    assert response.status_code == 413
    assert response.headers["connection"] == "close"
    assert response.json()["error"]["code"] == 413


def test_chunked_size_is_refused_while_reading(ask):
    sent = 0

    async def chunks():
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 500

    response = ask(max_body_bytes=2000).request("POST", "/v1/completions", content=chunks(), headers=JSON)
    assert response.status_code == 413
    assert sent == 5


def test_size_limit_is_exact(ask):
    content = HELLO + b"}"
    content += b" " * (2000 - len(content))
    asked = ask(max_body_bytes=2000)
    assert asked.request("POST", "/v1/chat/completions", content=content, headers=JSON).status_code == 200
    assert asked.request("POST", "/v1/chat/completions", content=content + b" ", headers=JSON).status_code == 413


def test_slow_body_is_refused(ask):
    async def chunks():
        yield HELLO
        await asyncio.sleep(60)
        yield b"}"

    response = ask(body_timeout_seconds=0.05).request("POST", "/v1/chat/completions", content=chunks(), headers=JSON)
    assert response.status_code == 408
    assert response.headers["connection"] == "close"


def test_large_bodies_and_prompts_leave_the_event_loop_free(ask, monkeypatch):
    heavy = []

    async def spy(is_heavy, work):
        heavy.append(is_heavy)
        return work()

    monkeypatch.setattr(body_module, "off_loop_if", spy)
    monkeypatch.setattr("sampan.server.service.off_loop_if", spy)
    asked = ask(engine=ScriptedEngine(["</think>hello"], max_model_len=2**20))
    for text in ("short", "long " * 1000, "huge " * 20_000):
        assert asked.post("/v1/chat/completions", {"messages": [{"role": "user", "content": text}]}).status_code == 200
    assert heavy == [False, False, False, True, True, True]


def test_prompts_and_answers_are_not_logged(ask, caplog):
    caplog.set_level(logging.DEBUG, logger="sampan")
    asked = ask("PRIVATE</think>PRIVATE")
    asked.post("/generate", params={"prompt": "PRIVATE"})
    asked.chat(messages=[{"role": "user", "content": "PRIVATE"}])
    asked.chat(messages=[{"role": "PRIVATE", "content": "PRIVATE"}], stop=["PRIVATE"])
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("sampan")]
    assert ours
    assert not any("PRIVATE" in message for message in ours)


def test_request_ids(ask):
    asked = ask()
    assert asked.get("/livez", headers={"x-request-id": "abc-1:2.3_4"}).headers["x-request-id"] == "abc-1:2.3_4"
    for bad in ("", "a" * 129, "a b", "a;b", "é".encode()):
        echoed = asked.get("/livez", headers={"x-request-id": bad}).headers["x-request-id"]
        assert len(echoed) == 32
    for path in ("/nowhere", "/v1/chat/completions"):
        assert asked.get(path, headers={"x-request-id": "mine"}).headers["x-request-id"] == "mine"
    assert asked.chat(stream=True).headers["x-request-id"]


def test_log_lines_cannot_be_forged(ask, caplog):
    caplog.set_level(logging.INFO, logger="sampan")
    ask().get("/a%0Aforged 200" + "x" * 500)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "sampan.server"]
    assert "\n" not in line
    assert len(line) < 400


def test_the_client_of_these_tests_sends_what_it_is_told():
    request = httpx.Request("POST", "http://localhost/", content=b"{", headers=JSON)
    assert request.read() == b"{"
