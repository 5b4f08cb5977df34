"""`/api/embed` and `/api/embeddings`: the vectors of `/v1/embeddings`, in Ollama's words."""

from __future__ import annotations

import ollama
import pytest

from scripted_engine import ids_of
from server_process import scripted_server

TEXTS = ["how", "路由器", "x"]


def openai_vectors(asked, texts):
    return [item["embedding"] for item in asked.post("/v1/embeddings", {"input": texts}).json()["data"]]


def test_many_texts(ask):
    asked = ask()
    body = asked.post("/api/embed", {"model": "sampan-tiny:latest", "input": TEXTS, "keep_alive": "5m"}).json()
    assert body.pop("total_duration") > 0
    assert body == {
        "model": "sampan-tiny:latest",
        "embeddings": openai_vectors(asked, TEXTS),
        "load_duration": 0,
        "prompt_eval_count": sum(len(ids_of(text)) for text in TEXTS),
    }


def test_one_text(ask):
    asked = ask()
    (vector,) = openai_vectors(asked, ["how"])
    assert asked.post("/api/embed", {"model": "sampan-tiny", "input": "how"}).json()["embeddings"] == [vector]
    older = asked.post("/api/embeddings", {"model": "sampan-tiny", "prompt": "how"}).json()
    assert older == {"embedding": vector}


def test_what_does_not_fit_is_cut_unless_it_must_not_be(ask):
    asked = ask()
    fields = {"model": "sampan-tiny", "input": "x" * 5000}
    assert asked.post("/api/embed", fields).json()["prompt_eval_count"] == 4096
    response = asked.post("/api/embed", {**fields, "truncate": False})
    assert response.status_code == 400
    assert response.json()["error"].startswith("input[0] has 5000 tokens, and the context 4096")


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"input": ""}, 400), ({"input": []}, 400), ({}, 400), ({"input": "a", "dimensions": 3}, 400)],
)
def test_refusals(ask, fields, status):
    response = ask().post("/api/embed", {"model": "sampan-tiny", **fields})
    assert response.status_code == status
    assert isinstance(response.json()["error"], str)


def test_the_unmodified_client():
    with scripted_server() as server:
        answer = ollama.Client(server.url).embed("sampan-tiny", TEXTS)
    assert len(answer.embeddings) == 3
    assert answer.prompt_eval_count == sum(len(ids_of(text)) for text in TEXTS)
