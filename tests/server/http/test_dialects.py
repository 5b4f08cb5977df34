"""Whoever refuses a request, it is refused in the words of its route's API."""

from __future__ import annotations

import json

import pytest

from raw_http import talk
from sampan import errors
from sampan.server.http.dialects import ANTHROPIC, OLLAMA, OPENAI, TGI, dialect_of_path
from scripted_engine import ScriptedEngine


def is_openai(body):
    return set(body) == {"error"} and set(body["error"]) == {"message", "type", "param", "code"}


def is_anthropic(body):
    return set(body) == {"type", "error", "request_id"} and set(body["error"]) == {"type", "message"}


def is_ollama(body):
    return set(body) == {"error"} and isinstance(body["error"], str)


def is_tgi(body):
    return set(body) == {"error", "error_type"}


SHAPES = {
    "/v1/chat/completions": is_openai,
    "/v1/messages": is_anthropic,
    "/v1/messages/count_tokens": is_anthropic,
    "/api/chat": is_ollama,
    "/api/show": is_ollama,
    "/generate_stream": is_tgi,
}
paths = pytest.mark.parametrize(("path", "has_shape"), SHAPES.items(), ids=list(SHAPES))


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/", OPENAI),
        ("/nowhere", OPENAI),
        ("/v1/models", OPENAI),
        ("/v1/messages", ANTHROPIC),
        ("/v1/messages/count_tokens", ANTHROPIC),
        ("/v1/messagesx", OPENAI),
        ("/api/chat", OLLAMA),
        ("/apis", OPENAI),
        ("/generate", OPENAI),
        ("/generate_stream", TGI),
    ],
)
def test_the_dialect_of_a_path(path, dialect):
    assert dialect_of_path(path) is dialect


@paths
def test_every_layer_speaks_it(ask, path, has_shape):
    asked = ask(max_body_bytes=1024)
    for status, response in (
        (400, asked.post(path, content=b"{", headers={"content-type": "application/json"})),
        (403, asked.post(path, {}, headers={"host": "evil.example"})),
        (404, asked.post(f"{path}/nothing/here", {})),
        (405, asked.request("DELETE", path)),
        (413, asked.post(path, {"x": "y" * 2000})),
        (415, asked.post(path, content=b"{}", headers={"content-type": "text/plain", "origin": "http://localhost"})),
    ):
        expected = 422 if status == 400 and has_shape is is_tgi else status
        assert (response.status_code, has_shape(response.json())) == (expected, True), status


@paths
def test_the_gate_and_our_own_bugs_speak_it(ask, path, has_shape, monkeypatch):
    asked = ask(engine=ScriptedEngine(refused_tenants=("",)))
    response = asked.post(path, {})
    if path not in ("/v1/messages/count_tokens", "/api/show"):  # these never wait
        assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert has_shape(response.json())

    def fail(*_):
        raise KeyError("secret")

    monkeypatch.setattr("sampan.server.http.body.off_loop_if", fail)
    response = ask().post(path, {})
    assert response.status_code == 500
    assert has_shape(response.json())
    assert "secret" not in response.text


@pytest.mark.parametrize("path", [path for path in SHAPES if path != "/generate_stream"])
def test_the_http_parser_speaks_it(serve, path):
    live = serve(ScriptedEngine())
    received = talk(live, f"POST {path}?a=b HTTP/1.1\r\nHost: localhost\r\nX: {'y' * 70_000}".encode())
    if received:  # else the reset came first
        head, _, body = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 431 ")
        assert SHAPES[path](json.loads(body))


@pytest.mark.parametrize(
    ("error", "status", "type_"),
    [
        (errors.RequestError("x"), 400, "invalid_request_error"),
        (errors.UnknownModelError("x"), 404, "not_found_error"),
        (errors.DeadlineError("x"), 408, "timeout_error"),
        (errors.OverloadedError("x"), 429, "rate_limit_error"),
        (errors.EngineError("x"), 500, "api_error"),
        (errors.UnsupportedError("x"), 501, "invalid_request_error"),
        (errors.UnavailableError("x"), 503, "overloaded_error"),
    ],
)
def test_anthropic_s_types(ask, error, status, type_):
    fields = {"model": "sampan-tiny", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    response = ask(engine=ScriptedEngine(refusal=error)).post("/v1/messages", fields)
    assert (response.status_code, response.json()["error"]["type"]) == (status, type_)
