"""Embeddings and scores of a served model: what the engine computes in this process, and the unmodified client."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from sampan import LLM, SamplingParams
from sampan.engine.request import Request
from server_process import ServerProcess

TEXTS = ["How do I reset the router?", "怎么重置路由器？🤔", "x"]
QUERY = "How do I reset the router?"
DOCUMENTS = ["Hold the reset key for ten seconds.", "按住 reset 键十秒。", "Printers need paper.", "重启"]


@pytest.fixture(scope="module")
def client(server: ServerProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0)


def post(server: ServerProcess, path: str, **fields: Any) -> dict[str, Any]:
    response = httpx.post(server.url + path, json=fields, timeout=60)
    assert response.status_code == 200, response.text
    return response.json()


def pooled(llm: LLM, prompts: Sequence[Sequence[int]], pooling: str = "mean") -> np.ndarray:
    """By the engine alone, one prompt at a time."""
    engine, found = llm.loaded.engine, []
    for prompt in prompts:
        engine.add_request(Request("r", prompt, SamplingParams(max_tokens=0, pooling=pooling)))
        while engine.has_unfinished:
            found += [output.pooled for output in engine.step() if output.pooled is not None]
    return np.stack(found)


def test_the_client_s_vectors_are_the_engine_s(client, llm):
    prompts = [llm.loaded.tokenizer.encode(text) for text in TEXTS]
    for given in (TEXTS, prompts):
        answer = client.embeddings.create(model="m", input=given)
        vectors = np.array([item.embedding for item in answer.data], np.float32)
        assert vectors.tobytes() == pooled(llm, prompts).tobytes()
        assert [item.index for item in answer.data] == [0, 1, 2]
        assert (answer.object, answer.model) == ("list", "m")
        assert answer.usage.prompt_tokens == answer.usage.total_tokens == sum(map(len, prompts))


@pytest.mark.parametrize("given", [TEXTS[1], [5, 6, 7]], ids=["text", "ids"])
def test_one_input_in_both_encodings(client, server, llm, given):
    ids = llm.loaded.tokenizer.encode(given) if isinstance(given, str) else given
    expected = pooled(llm, [ids])[0]
    numbers = client.embeddings.create(model="m", input=given, encoding_format="float").data[0].embedding
    assert np.array(numbers, np.float32).tobytes() == expected.tobytes()
    (item,) = post(server, "/v1/embeddings", input=given, encoding_format="base64", dimensions=64)["data"]
    assert base64.b64decode(item["embedding"]) == expected.astype("<f4").tobytes()


def test_the_last_token_s_state_is_another_way(server, llm):
    (item,) = post(server, "/v1/embeddings", input=[5, 6, 7], pooling="last")["data"]
    assert np.array(item["embedding"], np.float32).tobytes() == pooled(llm, [[5, 6, 7]], "last").tobytes()


def expected_scores(llm: LLM, query: str, documents: Sequence[str]) -> list[float]:
    """From the definition, with the log-probabilities of the engine in this process."""

    def mean(question: str, document: str) -> float:
        message = {"role": "user", "content": question}
        beginning = list(llm.loaded.chat_template.encode([message], thinking=False).token_ids)
        ids = beginning + llm.loaded.tokenizer.encode(document)
        params = SamplingParams(max_tokens=0, prompt_logprobs=0)
        entries = llm.generate(prompt_token_ids=[ids], sampling_params=params)[0].prompt_logprobs
        values = [float(entry.logprobs[0]) for entry in entries[len(beginning) - 1 :]]
        return math.fsum(values) / len(values)

    return [1 / (1 + math.exp(mean("Hello", text) - mean(query, text))) for text in documents]


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank"])
def test_documents_come_in_the_order_of_their_likelihood(server, llm, path):
    expected = expected_scores(llm, QUERY, DOCUMENTS)
    body = post(server, path, query=QUERY, documents=[*DOCUMENTS[:2], *({"text": t} for t in DOCUMENTS[2:])], model="m")
    scores = {result["index"]: result["relevance_score"] for result in body["results"]}
    assert [scores[index] for index in range(4)] == pytest.approx(expected, abs=1e-12)
    assert all(0.0 <= score <= 1.0 for score in scores.values())
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert [result["document"]["text"] for result in body["results"]] == [DOCUMENTS[index] for index in scores]
    assert (body["model"], body["usage"]["prompt_tokens"]) == ("m", body["usage"]["total_tokens"])


def test_top_n_and_documents_left_out(server):
    whole = post(server, "/rerank", query=QUERY, documents=DOCUMENTS)["results"]
    best = post(server, "/rerank", query=QUERY, documents=DOCUMENTS, top_n=2, return_documents=False)["results"]
    assert best == [{"index": r["index"], "relevance_score": r["relevance_score"]} for r in whole[:2]]
    assert len(post(server, "/rerank", query=QUERY, documents=DOCUMENTS, top_n=9)["results"]) == 4


def test_a_score_does_not_depend_on_its_company(server):
    scores = [item["score"] for item in post(server, "/score", text_1=QUERY, text_2=DOCUMENTS)["data"]]
    ranked = post(server, "/rerank", query=QUERY, documents=DOCUMENTS)["results"]
    assert [result["relevance_score"] for result in sorted(ranked, key=lambda result: result["index"])] == scores
    for document, score in zip(DOCUMENTS, scores, strict=True):
        body = post(server, "/v1/score", text_1=[QUERY], text_2=[document])
        assert body["data"] == [{"index": 0, "object": "score", "score": score}]
        assert (body["object"], body["model"]) == ("list", "m")
    pairs = post(
        server, "/score", queries=[QUERY, "Hello", QUERY], documents=[DOCUMENTS[0], DOCUMENTS[1], DOCUMENTS[2]]
    )
    assert [item["score"] for item in pairs["data"]] == [scores[0], 0.5, scores[2]]
