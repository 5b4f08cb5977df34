"""A full queue refuses at the door whom it would refuse later, and nobody else."""

from __future__ import annotations

import pytest

from scripted_engine import ScriptedEngine

FULL_FOR = ("", "busy")
BODIES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"prompt": "hi"},
    "/generate": {"prompt": "hi"},
}


@pytest.fixture
def full(ask):
    return ask(engine=ScriptedEngine(("a</think>b",), refused_tenants=FULL_FOR))


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("user", [None, "", "busy"])
def test_who_is_refused_is_told_when_to_come_back(full, path, user):
    answer = full.post(path, {**BODIES[path], "user": user})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "7"
    assert answer.json()["error"]["type"] == "rate_limit_error"
    assert answer.headers["x-request-id"]
    assert full.engine.calls == []


@pytest.mark.parametrize("path", BODIES)
def test_who_has_room_is_served(full, path):
    assert full.post(path, {**BODIES[path], "user": "patient"}).status_code == 200
    assert [call.tenant for call in full.engine.calls] == ["patient"]


@pytest.mark.parametrize(
    ("content", "status"), [(b"{", 400), (b'{"user": 5, "prompt": "hi"}', 400), (b"[1]", 400), (b"", 400)]
)
def test_what_is_no_request_is_told_so(full, content, status):
    headers = {"content-type": "application/json"}
    assert full.request("POST", "/v1/completions", content=content, headers=headers).status_code == status


def test_other_paths_are_open(full):
    assert full.get("/v1/models").status_code == 200
    assert full.get("/readyz").status_code == 200


def test_a_body_that_comes_in_pieces_is_read_whole(full):
    async def pieces():
        yield b'{"prompt": "hi", '
        yield b'"user": "patient"}'

    headers = {"content-type": "application/json"}
    assert full.request("POST", "/v1/completions", content=pieces(), headers=headers).status_code == 200
