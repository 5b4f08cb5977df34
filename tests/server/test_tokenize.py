"""`/tokenize` and `/detokenize`."""

from __future__ import annotations

import pytest

from scripted_engine import BOS, CHAT_TEMPLATE, ids_of

MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("fields", "token_ids"),
    [
        ({"prompt": "né"}, [BOS, *ids_of("né")]),
        ({"prompt": "né", "add_special_tokens": False}, ids_of("né")),
        ({"prompt": ""}, [BOS]),
        ({"messages": MESSAGES}, list(CHAT_TEMPLATE.encode(MESSAGES).token_ids)),
        (
            {"messages": MESSAGES, "add_generation_prompt": False},
            list(CHAT_TEMPLATE.encode(MESSAGES, add_generation_prompt=False).token_ids),
        ),
        (
            {"messages": MESSAGES, "chat_template_kwargs": {"thinking": False}},
            list(CHAT_TEMPLATE.encode(MESSAGES, thinking=False).token_ids),
        ),
    ],
)
def test_tokenize(ask, fields, token_ids):
    asked = ask()
    body = asked.post("/tokenize", {"model": "sampan-tiny", **fields}).json()
    assert body == {"count": len(token_ids), "max_model_len": 4096, "tokens": token_ids, "token_strs": None}
    assert asked.engine.calls == []


def test_token_strings(ask):
    body = ask().post("/tokenize", {"prompt": "aé", "return_token_strs": True}).json()
    assert body["token_strs"] == ["<｜begin▁of▁sentence｜>", "a", "bytes:\\xc3", "bytes:\\xa9"]


def test_special_tokens_in_text_stay_text(ask):
    tokens = ask().post("/tokenize", {"prompt": "<think>", "add_special_tokens": False}).json()["tokens"]
    assert len(tokens) == len("<think>")


def test_llama_cpp_s_shape(ask):
    asked = ask()
    assert asked.post("/tokenize", {"content": "ab"}).json() == {"tokens": ids_of("ab")}
    with_bos = asked.post("/tokenize", {"content": "ab", "add_special": True}).json()
    assert with_bos == {"tokens": [BOS, *ids_of("ab")]}
    pieces = asked.post("/tokenize", {"content": "a", "with_pieces": True}).json()
    assert pieces == {"tokens": [{"id": ids_of("a")[0], "piece": "a"}]}


def test_detokenize_is_the_way_back(ask):
    asked = ask()
    tokens = asked.post("/tokenize", {"prompt": "né🚀"}).json()["tokens"]
    text = "<｜begin▁of▁sentence｜>né🚀"
    assert asked.post("/detokenize", {"tokens": tokens}).json() == {"prompt": text, "content": text}
    assert asked.post("/detokenize", {"tokens": []}).json()["prompt"] == ""


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/tokenize", {}, 400),
        ("/tokenize", {"prompt": "a", "content": "a"}, 400),
        ("/tokenize", {"prompt": ["a"]}, 400),
        ("/tokenize", {"messages": []}, 400),
        ("/tokenize", {"prompt": "a", "model": "gpt-4"}, 404),
        ("/detokenize", {}, 400),
        ("/detokenize", {"tokens": [262]}, 400),
        ("/detokenize", {"tokens": [-1]}, 400),
        ("/detokenize", {"tokens": [10**30]}, 400),
        ("/detokenize", {"tokens": [1.5]}, 400),
    ],
)
def test_refusals(ask, path, fields, status):
    response = ask().post(path, fields)
    assert (response.status_code, response.json()["error"]["code"]) == (status, status)
