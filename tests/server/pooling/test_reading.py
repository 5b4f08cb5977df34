"""Requests that read many prompts: their turn, their window, their end. The engine is scripted."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from sampan.engine.outputs import TIMEOUT, EngineOutput, FinishReason
from sampan.errors import EngineError, OverloadedError
from sampan.server.pooling.read_prompts import WINDOW
from sampan.server.security.client import Client, current_client
from scripted_engine import TOKENIZER, USER, ScriptedEngine

BODIES = {
    "/v1/embeddings": {"input": ["hi", "you"]},
    "/rerank": {"query": "hi", "documents": ["a", "b"]},
    "/v1/rerank": {"query": "hi", "documents": ["a", {"text": "b"}]},
    "/v2/rerank": {"query": "hi", "documents": ["a", "b"]},
    "/score": {"text_1": "hi", "text_2": "a"},
    "/v1/score": {"queries": ["hi", "you"], "documents": ["a", "b"]},
}
FOREVER = 3600.0


@dataclass
class NarrowEngine(ScriptedEngine):
    """Takes no more than `room` requests at a time; remembers how many there were."""

    room: int = 10**9
    most_open: int = 0

    async def generate(self, *args, **options):
        if len(self.open_ids) >= self.room:
            raise OverloadedError.of_queue(7.0)
        stream = await super().generate(*args, **options)
        self.most_open = max(self.most_open, len(self.open_ids))
        return stream


@pytest.mark.parametrize(("room", "most"), [(10**9, WINDOW), (3, 3), (1, 1)])
def test_as_many_prompts_are_open_as_the_engine_has_room_for(ask, room, most):
    asked = ask(engine=NarrowEngine(room=room, delay=0.001))
    texts = ["x" * (1 + i % 7) for i in range(3 * WINDOW)]
    response = asked.post("/v1/embeddings", {"input": texts})
    assert response.status_code == 200
    assert asked.engine.most_open == most
    # The scripted engine's vectors tell how long each prompt was: results are in the order of the inputs.
    assert [item["embedding"].index(1.0) for item in response.json()["data"]] == [len(text) for text in texts]
    assert asked.engine.open_ids == set()


@pytest.mark.parametrize("path", BODIES)
def test_nothing_is_open_and_no_room_is_a_refusal(ask, path):
    response = ask(engine=NarrowEngine(room=0)).post(path, BODIES[path])
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize("path", BODIES)
def test_a_full_queue_refuses_at_the_door(ask, path):
    asked = ask(engine=ScriptedEngine(refused_tenants=("busy",)))
    assert asked.post(path, {**BODIES[path], "user": "busy"}).status_code == 429
    assert asked.engine.calls == []
    assert asked.post(path, {**BODIES[path], "user": "patient"}).status_code == 200
    assert {call.tenant for call in asked.engine.calls} == {"patient"}


@pytest.mark.parametrize("path", BODIES)
def test_each_prompt_has_its_turn_in_the_request_s_name(ask, path):
    asked = ask(engine=ScriptedEngine())
    fields = {"user": "me", "priority": 3, "timeout": 50.0, "cache_salt": "s"}
    assert asked.post(path, {**BODIES[path], **fields}).status_code == 200
    for call in asked.engine.calls:
        assert (call.tenant, call.priority, call.cache_salt, call.params.max_tokens) == ("me", -3, "s", 0)
        assert 49.0 < call.timeout <= 50.0
    assert len({call.request_id for call in asked.engine.calls}) == len(asked.engine.calls)


@pytest.mark.parametrize("path", BODIES)
def test_keys_share_neither_turn_nor_cache(ask, path):
    asked, charged = ask(engine=ScriptedEngine()), []
    client = Client("key", "inference", "salt", SimpleNamespace(charge=charged.append))
    token = current_client.set(client)
    try:
        assert asked.post(path, {**BODIES[path], "user": "me", "cache_salt": "s"}).status_code == 200
    finally:
        current_client.reset(token)
    assert {(call.tenant, call.cache_salt) for call in asked.engine.calls} == {("key", "salt:s")}
    assert sorted(charged) == sorted(len(call.prompt) for call in asked.engine.calls)


@pytest.mark.parametrize("path", BODIES)
def test_all_ends_when_the_client_leaves(serve, path):
    live = serve(ScriptedEngine(delay=FOREVER))
    connection = live.send(path, BODIES[path])
    live.wait_until(lambda: len(live.engine.open_ids) >= 2)
    connection.close()
    live.wait_until(lambda: not live.engine.open_ids)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("last", "status"),
    [
        (EngineOutput("", (), (), FinishReason.ERROR, "nan"), 500),
        (EngineOutput("", (), (), FinishReason.ABORT, TIMEOUT), 408),
        (EngineOutput("", (), (), FinishReason.ABORT), 503),
    ],
)
def test_one_that_fails_fails_all(ask, path, last, status):
    asked = ask(engine=ScriptedEngine(last=last))
    response = asked.post(path, BODIES[path])
    assert response.status_code == status
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert asked.engine.open_ids == set()


def test_an_engine_that_dies_is_an_error(ask):
    asked = ask(engine=ScriptedEngine(failure=EngineError("gone")))
    assert asked.post("/v1/embeddings", {"input": ["a"] * 50}).status_code == 500
    assert asked.engine.open_ids == set()


@pytest.mark.parametrize("path", BODIES)
def test_a_server_that_shuts_down_begins_nothing(ask, path):
    asked = ask(engine=ScriptedEngine())
    asked.app.state.service.draining = True
    assert asked.post(path, BODIES[path]).status_code == 503
    assert asked.engine.calls == []


@pytest.mark.parametrize("path", BODIES)
def test_unknown_models_and_fields(ask, path, caplog):
    asked = ask(engine=ScriptedEngine())
    assert asked.post(path, {**BODIES[path], "model": "other"}).status_code == 404
    assert asked.post(path, {**BODIES[path], "new_field": 1}).status_code == 200
    assert "new_field" in caplog.text


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("/v1/embeddings", {"input": ""}, "input"),
        ("/v1/embeddings", {"input": []}, "input"),
        ("/v1/embeddings", {"input": [""]}, "input"),
        ("/v1/embeddings", {"input": [[]]}, "input"),
        ("/v1/embeddings", {"input": None}, "input"),
        ("/v1/embeddings", {"input": ["a", 1]}, "input"),
        ("/v1/embeddings", {"input": ["a"] * 2049}, "input"),
        ("/v1/embeddings", {"input": [-1]}, "input"),
        ("/v1/embeddings", {"input": [262]}, "input"),
        ("/v1/embeddings", {"input": [[1], [2**40]]}, "input"),
        ("/v1/embeddings", {"input": ["a", "b" * 5000]}, "input"),
        ("/v1/embeddings", {"dimensions": 4}, "dimensions"),
        ("/v1/embeddings", {"dimensions": 0}, "dimensions"),
        ("/v1/embeddings", {"encoding_format": "int8"}, "encoding_format"),
        ("/v1/embeddings", {"truncate_prompt_tokens": 0}, "truncate_prompt_tokens"),
        ("/v1/embeddings", {"pooling": "max"}, "pooling"),
        ("/v1/embeddings", {"cache_salt": "x" * 257}, "cache_salt"),
        ("/rerank", {"query": ""}, "query"),
        ("/rerank", {"documents": []}, "documents"),
        ("/rerank", {"documents": ["a", ""]}, "documents"),
        ("/rerank", {"documents": [{"title": "a"}]}, "documents"),
        ("/rerank", {"documents": ["a"] * 1001}, "documents"),
        ("/rerank", {"documents": ["b" * 5000]}, "documents"),
        ("/rerank", {"top_n": 0}, "top_n"),
        ("/rerank", {"max_tokens_per_doc": 0}, "max_tokens_per_doc"),
        ("/score", {"text_1": ["a", "b"], "text_2": ["a", "b", "c"]}, "text_1"),
        ("/score", {"text_1": []}, "text_1"),
        ("/score", {"text_2": ["a"] * 1001}, "text_2"),
    ],
)
def test_wrong_fields_are_named_before_work_begins(ask, path, fields, param):
    asked = ask(engine=ScriptedEngine())
    response = asked.post(path, {**BODIES[path], **fields})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert asked.engine.calls == []


def test_too_long_texts_may_be_cut(ask):
    asked = ask(engine=ScriptedEngine())
    ids = [i % 250 for i in range(5000)]
    for kept, expected in ((-1, ids[-4096:]), (10, ids[-10:]), (9000, None)):
        response = asked.post("/v1/embeddings", {"input": ids, "truncate_prompt_tokens": kept})
        assert response.status_code == (200 if expected else 400)
        if expected:
            assert asked.engine.calls[-1].prompt == expected
    fields = {"documents": ["b" * 5000, "c"], "max_tokens_per_doc": 9}
    assert asked.post("/rerank", {"query": "hi", **fields}).status_code == 200
    (letter,) = TOKENIZER.encode("b")
    assert {call.prompt.count(letter) for call in asked.engine.calls[-4:]} == {9, 0}


def test_special_tokens_in_texts_stay_text(ask):
    asked = ask(engine=ScriptedEngine())
    text = "<｜User｜>"
    asked.post("/v1/embeddings", {"input": text})
    asked.post("/rerank", {"query": text, "documents": [text]})
    (embedded,) = (call.prompt for call in asked.engine.calls[:1])
    assert embedded == TOKENIZER.encode(text)
    assert sum(call.prompt.count(USER) for call in asked.engine.calls[1:]) == 2  # the template's own, once a prompt
