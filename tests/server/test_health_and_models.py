"""Probes and model cards."""

from __future__ import annotations

from datetime import datetime

import pytest

from scripted_engine import ScriptedEngine


def test_ready(ask):
    asked = ask()
    assert asked.get("/livez").json() == {"status": "alive"}
    for path in ("/readyz", "/health"):
        assert (asked.get(path).status_code, asked.get(path).json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("path", ["/readyz", "/health"])
def test_not_ready_while_the_engine_is_not(ask, path):
    asked = ask(engine=ScriptedEngine(status_reason="loading"))
    response = asked.get(path)
    assert response.status_code == 503
    assert response.json()["error"] == {
        "message": "Not ready: loading",
        "type": "unavailable_error",
        "param": None,
        "code": 503,
    }
    assert response.headers["retry-after"]
    assert asked.get("/livez").status_code == 200


def test_draining(ask):
    asked = ask()
    asked.app.state.service.draining = True
    assert asked.get("/livez").status_code == 200
    assert asked.get("/readyz").json()["error"]["message"] == "Not ready: shutting down"
    for response in (asked.chat(), asked.chat(stream=True), asked.post("/generate", {"prompt": "hi"})):
        assert response.status_code == 503
    assert asked.engine.calls == []


def test_model_cards(ask):
    asked = ask(served_model_name="deepseek/r1", aliases=("gpt-4",), model_license="MIT")
    body = asked.get("/v1/models").json()
    created, created_at = body["data"][0]["created"], body["data"][0]["created_at"]
    assert datetime.fromisoformat(created_at).timestamp() == created
    cards = [
        {
            "id": name,
            "object": "model",
            "created": created,
            "owned_by": "sampan",
            "root": "deepseek/r1",
            "parent": None,
            "max_model_len": 4096,
            "license": "MIT",
            "permission": [],
            "type": "model",
            "display_name": name,
            "created_at": created_at,
            "lifecycle": "active",
            "max_input_tokens": 4096,
        }
        for name in ("deepseek/r1", "gpt-4")
    ]
    pages = {"has_more": False, "first_id": "deepseek/r1", "last_id": "gpt-4"}
    assert body == {"object": "list", "data": cards, **pages}
    assert [asked.get(f"/v1/models/{card['id']}").json() for card in cards] == cards
    missing = asked.get("/v1/models/other")
    assert (missing.status_code, missing.json()["error"]["param"]) == (404, "model")


def test_openapi_lists_every_path(ask):
    document = ask().get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/api/chat",
        "/api/embed",
        "/api/embeddings",
        "/api/generate",
        "/api/ps",
        "/api/show",
        "/api/tags",
        "/api/version",
        "/detokenize",
        "/generate",
        "/generate_stream",
        "/get_model_info",
        "/info",
        "/rerank",
        "/score",
        "/tokenize",
        "/v1/chat/completions",
        "/v1/chat/completions/{answer_id}/answer_now",
        "/v1/completions",
        "/v1/responses",
        "/v1/embeddings",
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1/models",
        "/v1/models/{model_id}",
        "/v1/rerank",
        "/v1/score",
        "/v2/rerank",
        "/livez",
        "/metrics",
        "/readyz",
        "/health",
    }
    chat = document["components"]["schemas"]["ChatRequest"]
    assert chat["required"] == ["messages"]
    assert chat["properties"]["model"]["anyOf"][0]["enum"] == ["sampan-tiny"]
