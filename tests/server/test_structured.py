"""Structured output over HTTP: all the ways to ask for it, what is refused, and answers of the embedded model."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator

import httpx
import jsonschema
import openai
import pytest

from sampan.engine.structured import StructuredOutputsParams
from server_process import ServerProcess, sampan_serve

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}, "degrees": {"type": "integer", "maximum": 60}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
TEXT = json.dumps(SCHEMA, separators=(",", ":"))


def json_schema(**fields: object) -> dict[str, object]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, **fields}}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"response_format": {"type": "json_object"}}, {"json_object": True}),
        (json_schema(strict=True), {"json": TEXT}),
        (json_schema(), {"json": TEXT, "strict": False}),
        ({"guided_json": SCHEMA}, {"json": TEXT}),
        ({"guided_json": TEXT}, {"json": TEXT}),
        ({"guided_regex": "a+"}, {"regex": "a+"}),
        ({"guided_choice": ["yes", "no"]}, {"choice": ("yes", "no")}),
        ({"guided_grammar": 'root ::= "a"'}, {"grammar": 'root ::= "a"'}),
        ({"structured_outputs": {"json": SCHEMA, "regex": None, "disable_fallback": False}}, {"json": TEXT}),
        ({"structured_outputs": {"choice": ["a"]}, "response_format": {"type": "text"}}, {"choice": ("a",)}),
    ],
)
def test_every_way_to_ask(ask, fields, expected):
    asked = ask()
    assert asked.chat(**fields).status_code == 200
    assert asked.engine.calls[0].params.structured_outputs == StructuredOutputsParams(**expected)


def test_asking_for_nothing(ask):
    asked = ask()
    asked.chat(response_format={"type": "text"}, structured_outputs={}, guided_regex=None)
    assert asked.engine.calls[0].params.structured_outputs is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format"),
        ({"guided_choice": []}, "guided_choice"),
        ({"guided_choice": [1]}, "guided_choice"),
        ({"guided_regex": "a" * 70_000}, "guided_regex"),
        ({"structured_outputs": {"regex": "a", "choice": ["b"]}}, "structured_outputs"),
        ({"guided_regex": "a", "response_format": {"type": "json_object"}}, "guided_regex"),
        ({"guided_regex": "a", "ignore_eos": True}, "structured_outputs"),
    ],
)
def test_wrong_constraints_are_named(ask, fields, param):
    asked = ask()
    response = asked.chat(**fields)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert asked.engine.calls == []


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with sampan_serve() as server:
        yield server


def complete(server: ServerProcess, **fields: object) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": "你好"}], "max_tokens": 400, "temperature": 0, **fields}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=120)


def answer(response: httpx.Response) -> str:
    (choice,) = response.json()["choices"]
    assert choice["finish_reason"] == "stop"
    return choice["message"]["content"]


def test_answers_follow_the_schema_streamed_and_whole(server):
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=120)
    options = {"model": "sampan-tiny", "messages": [{"role": "user", "content": "你好"}], "max_tokens": 400}
    for seed in range(4):
        sampled = {**options, "temperature": 1.0, "seed": seed, **json_schema(strict=True)}
        (choice,) = client.chat.completions.create(**sampled).choices
        assert choice.finish_reason == "stop"
        assert choice.message.reasoning_content
        jsonschema.validate(json.loads(choice.message.content), SCHEMA)
        streamed = [
            chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**sampled, stream=True)
        ]
        assert "".join(streamed) == choice.message.content


def test_other_constraints(server):
    assert re.fullmatch(r"\d{3}-\d{2}", answer(complete(server, guided_regex=r"\d{3}-\d{2}")))
    assert answer(complete(server, guided_choice=["左", "右"], reasoning_effort="none")) in ("左", "右")
    cut = complete(server, response_format={"type": "json_object"}, max_tokens=80).json()["choices"][0]
    assert cut["message"]["content"].startswith("{")  # a tiny model finds no end to an object without a schema
    assert cut["finish_reason"] == "length"
    body = {"prompt": "1+1=", "guided_regex": "[0-9]", "max_tokens": 5, "n": 3, "temperature": 1.0}
    texts = [choice["text"] for choice in httpx.post(f"{server.url}/v1/completions", json=body).json()["choices"]]
    assert all(re.fullmatch("[0-9]", text) for text in texts)
    query = {"prompt": "你好", "temperature": 0}
    reply = httpx.post(f"{server.url}/generate", params=query, json={"guided_choice": ["left", "right"]}, timeout=120)
    assert reply.json()["response"] in ("left", "right")


HOSTILE = [
    {"guided_regex": "("},
    {"guided_regex": "(([a-z]{1,1000}){1,1000}){1,1000}"},
    {"guided_grammar": "start: " + "(" * 30_000 + '"a"' + ")" * 30_000},
    {"guided_grammar": "start: r0\n" + "\n".join(f"r{i}:r{i + 1}" for i in range(5000)) + "\nr5000: r0"},
    {"guided_json": {"$ref": "#"}},
    {"guided_json": {"$ref": "http://127.0.0.1:9/schema.json"}},
    {"guided_json": '{"items":' * 5000 + "{}" + "}" * 5000},
    {"guided_json": {"title": "x" * 1_000_000}},
]


def test_hostile_constraints_harm_nobody(server):
    before = answer(complete(server, max_tokens=200))
    for fields in HOSTILE:
        response = complete(server, **fields)
        assert response.status_code == 400, fields
        error = response.json()["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        assert (error["type"], error["code"]) == ("BadRequestError", 400)
        assert "\n" not in error["message"]
        assert httpx.get(f"{server.url}/readyz").status_code == 200
    assert answer(complete(server, max_tokens=200)) == before


def test_an_answer_goes_on_when_the_engine_dies(server):
    regex, messages = "([a-e]{3} ){400}", [{"role": "user", "content": "你好"}]
    fields = {"temperature": 1.0, "seed": 5, "max_tokens": 1900, "reasoning_effort": "none"}
    expected = answer(complete(server, **fields, guided_regex=regex))
    assert re.fullmatch(regex, expected)
    (engine,) = httpx.get(f"{server.url}/admin/status").json()["engines"]
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=120)
    stream = client.chat.completions.create(
        model="sampan-tiny", messages=messages, stream=True, extra_body={"guided_regex": regex}, **fields
    )
    pieces = []
    for number, chunk in enumerate(stream):
        pieces.append(chunk.choices[0].delta.content or "")
        if number == 3:
            os.kill(engine["pid"], signal.SIGKILL)
    assert "".join(pieces) == expected
    (successor,) = httpx.get(f"{server.url}/admin/status").json()["engines"]
    assert successor["pid"] != engine["pid"]


def test_it_ends_in_success(server):
    assert server.stop() == (0, "")
