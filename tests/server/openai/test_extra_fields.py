"""Fields of vLLM's that OpenAI does not have: ids of tokens, the answer's own id, shorter prompts, usage on the way."""

from __future__ import annotations

import pytest

from scripted_engine import CHAT_TEMPLATE, EOS, ScriptedEngine, ids_of

PROMPT = list(CHAT_TEMPLATE.encode([{"role": "user", "content": "hi"}]).token_ids)
RAW = "想。</think>\n\n答🚀"
IDS = [*ids_of(RAW), EOS]


@pytest.mark.parametrize("step", [1, 4])
def test_token_ids_of_chat(ask, step):
    asked = ask(engine=ScriptedEngine([RAW], step=step))
    body = asked.chat(return_token_ids=True).json()
    assert (body["prompt_token_ids"], body["choices"][0]["token_ids"]) == (PROMPT, IDS)
    chunks = asked.stream(return_token_ids=True)
    assert [chunk.get("prompt_token_ids") for chunk in chunks] == [PROMPT] + [None] * (len(chunks) - 1)
    assert [token_id for chunk in chunks for token_id in chunk["choices"][0]["token_ids"]] == IDS
    hidden = asked.chat(return_token_ids=True, include_reasoning=False).json()["choices"][0]["token_ids"]
    assert hidden == IDS[len(ids_of("想。</think>")) :]
    chunks = asked.stream(return_token_ids=True, include_reasoning=False)
    assert [token_id for chunk in chunks for token_id in chunk["choices"][0]["token_ids"]] == hidden


def test_token_ids_of_completions(ask):
    asked = ask(RAW)
    body = asked.post("/v1/completions", {"prompt": [[1, 2], [3]], "return_token_ids": True}).json()
    assert [choice["prompt_token_ids"] for choice in body["choices"]] == [[1, 2], [3]]
    assert [choice["token_ids"] for choice in body["choices"]] == [IDS, IDS]
    chunks = asked.stream("/v1/completions", prompt="Once", return_token_ids=True)
    assert [token_id for chunk in chunks for token_id in chunk["choices"][0]["token_ids"]] == IDS


def test_the_client_s_own_id(ask):
    asked = ask(RAW)
    assert asked.chat(request_id="mine.1").json()["id"] == "chatcmpl-mine.1"
    assert {chunk["id"] for chunk in asked.stream(request_id="mine.1")} == {"chatcmpl-mine.1"}
    body = asked.post("/v1/completions", {"prompt": "x", "request_id": "mine"}).json()
    assert body["id"] == "cmpl-mine"
    for wrong in ("", "a b", "x" * 129, "\n"):
        assert asked.chat(request_id=wrong).json()["error"]["param"] == "request_id"


@pytest.mark.parametrize(("limit", "kept"), [(3, 3), (10_000, len(PROMPT)), (-1, len(PROMPT)), (None, len(PROMPT))])
def test_shorter_prompts(ask, limit, kept):
    asked = ask(RAW)
    body = asked.chat(truncate_prompt_tokens=limit, max_tokens=5).json()
    assert asked.engine.calls[0].prompt == PROMPT[-kept:]
    assert body["usage"]["prompt_tokens"] == kept


def test_as_much_of_a_prompt_as_fits(ask):
    asked = ask(engine=ScriptedEngine([RAW], max_model_len=8))
    asked.post("/v1/completions", {"prompt": [*range(20)], "truncate_prompt_tokens": -1, "max_tokens": 3})
    assert asked.engine.calls[0].prompt == [*range(15, 20)]
    assert asked.chat(truncate_prompt_tokens=0).status_code == 400


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_usage_on_the_way(ask, path):
    asked = ask(RAW, RAW)
    options = {"include_usage": True, "continuous_usage_stats": True}
    fields = {} if "chat" in path else {"prompt": "Once"}
    *chunks, last = asked.stream(path, n=2, stream_options=options, **fields)
    totals = [chunk["usage"]["completion_tokens"] for chunk in chunks]
    assert totals == sorted(totals)
    assert totals[-1] == last["usage"]["completion_tokens"] == 2 * len(IDS)
    assert chunks[-1]["usage"]["completion_tokens_details"] == last["usage"]["completion_tokens_details"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"best_of": 2}, "best_of"),
        ({"suffix": "x"}, "suffix"),
        ({"use_beam_search": True}, "use_beam_search"),
        ({"length_penalty": 2.0}, "length_penalty"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"store": True}, "store"),
        ({"guided_whitespace_pattern": " "}, "guided_whitespace_pattern"),
    ],
)
def test_what_this_version_lacks_is_said(ask, fields, param):
    response = ask().chat(**fields)
    assert (response.status_code, response.json()["error"]["param"]) == (501, param)
    idle = {"best_of": 1, "suffix": "", "length_penalty": 1.0, "store": False, "modalities": ["text"]}
    assert ask().chat(**idle, guided_decoding_backend="x", metadata={}).status_code == 200
