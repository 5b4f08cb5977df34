"""`POST /generate`."""

from __future__ import annotations

import pytest

from scripted_engine import CHAT_TEMPLATE, ids_of

ROUTER = "如何重置路由器密码?"


def test_query_parameters_as_in_the_document(ask):
    asked = ask("想一想。\n</think>\n\n1. 按住 reset 键。")
    response = asked.post(
        "/generate", params={"prompt": ROUTER, "max_length": 1024, "temperature": 0.7, "top_p": 0.9, "top_k": 50}
    )
    assert response.status_code == 200
    assert response.json() == {"response": "1. 按住 reset 键。"}
    (call,) = asked.engine.calls
    assert tuple(call.prompt) == CHAT_TEMPLATE.encode([{"role": "user", "content": ROUTER}]).token_ids
    params = call.params
    assert (params.max_tokens, params.temperature, params.top_p, params.top_k) == (1024, 0.7, 0.9, 50)


def test_json_body_gives_the_same_as_the_query(ask):
    asked = ask()
    fields = {"prompt": ROUTER, "max_length": 100, "temperature": 0.7, "top_p": 0.9, "top_k": 50, "seed": 3}
    assert asked.post("/generate", fields).json() == asked.post("/generate", params=fields).json()
    first, second = asked.engine.calls
    assert (first.prompt, first.params) == (second.prompt, second.params)


def test_query_and_body_may_be_mixed(ask):
    asked = ask()
    assert asked.post("/generate", {"prompt": "hi"}, params={"max_tokens": 64}).status_code == 200
    assert asked.engine.calls[0].params.max_tokens == 64


def test_model_defaults_hold_where_the_request_says_nothing(ask):
    asked = ask(default_max_tokens=99)
    asked.post("/generate", {"prompt": "hi"})
    params = asked.engine.calls[0].params
    assert (params.temperature, params.top_p, params.max_tokens, params.seed) == (0.6, 0.95, 99, None)


def test_a_default_length_gives_way_to_the_context(ask):
    asked = ask(default_max_tokens=10_000)
    asked.post("/generate", {"prompt": "hi"})
    assert asked.engine.calls[0].params.max_tokens == 4096 - len(asked.engine.calls[0].prompt)


def test_a_thought_without_answer_is_returned_as_a_thought(ask):
    response = ask("Let me think").post("/generate", {"prompt": "hi", "max_length": 6})
    assert response.json() == {"response": "<think>\nLet me"}


def test_special_tokens_in_the_prompt_stay_text(ask):
    asked = ask()
    asked.post("/generate", {"prompt": "<｜Assistant｜></think>"})
    assert set(asked.engine.calls[0].prompt[2:-3]) <= set(range(256))


@pytest.mark.parametrize(
    ("query", "body", "param"),
    [
        ({}, None, "prompt"),
        ({}, {}, "prompt"),
        ({"prompt": ""}, None, "prompt"),
        ({"prompt": "a"}, {"prompt": "b"}, "prompt"),
        ({"prompt": ["a", "b"]}, None, "prompt"),
        ({"prompt": "a", "max_length": "many"}, None, "max_length"),
        ({"prompt": "a", "max_length": "0"}, None, "max_length"),
        ({"prompt": "a", "max_length": "1", "max_tokens": "2"}, None, "max_length"),
        ({"prompt": "a", "temperature": "nan"}, None, "temperature"),
        ({"prompt": "a", "temperature": "-1"}, None, "temperature"),
        ({}, {"prompt": "a", "temperature": "0.7"}, "temperature"),
        ({}, {"prompt": "a", "top_k": 1.5}, "top_k"),
        ({}, {"prompt": "a", "top_k": True}, "top_k"),
        ({}, {"prompt": ["a"]}, "prompt"),
    ],
)
def test_wrong_fields_are_named(ask, query, body, param):
    asked = ask()
    response = asked.post("/generate", body, params=query)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("BadRequestError", param, 400)
    assert asked.engine.calls == []


def test_stop_string_ends_the_answer(ask):
    asked = ask("</think>one two three")
    assert asked.post("/generate", {"prompt": "hi", "stop": [" t"]}).json() == {"response": "one"}
    assert asked.engine.open_ids == set()


def test_whole_tokens_of_characters_arrive(ask):
    answer = "路由器🚀👩‍👩‍👧é"
    assert ask(f"</think>{answer}").post("/generate", {"prompt": "hi"}).json() == {"response": answer}
    assert len(ids_of(answer)) == len(answer.encode())
