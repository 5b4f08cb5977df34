"""Tools through the unmodified `openai` client: calls of the embedded model, which are right because they must be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

import httpx
import jsonschema
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, Field

from sampan.text.tool_syntax import show_calls
from server_process import ServerProcess, sampan_serve, scripted_server


class GetWeather(BaseModel):
    """How warm it is."""

    city: Literal["杭州", "上海"]
    unit: Literal["celsius", "fahrenheit"] = Field(description="of the answer")


TOOL = openai.pydantic_function_tool(GetWeather, name="get_weather")
SCHEMA = TOOL["function"]["parameters"]
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "杭州今天多少度?"}]
OPTIONS = {"model": "sampan-tiny", "messages": MESSAGES, "tools": [TOOL], "max_tokens": 600}
REQUIRED = {**OPTIONS, "tool_choice": "required"}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with sampan_serve() as server:
        yield server


@pytest.fixture(scope="module")
def client(server) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=120)


def arguments_of(message) -> list[dict[str, object]]:
    calls = [json.loads(call.function.arguments) for call in message.tool_calls]
    for arguments in calls:
        jsonschema.validate(arguments, SCHEMA)
    return calls


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_calls_that_must_come_follow_the_schema(client, choice):
    for seed in range(2):
        sampled = {**OPTIONS, "tool_choice": choice, "temperature": 1.0, "seed": seed}
        (answer,) = client.chat.completions.create(**sampled).choices
        assert (answer.finish_reason, answer.message.content) == ("tool_calls", None)
        assert answer.message.reasoning_content
        assert arguments_of(answer.message)
        names: list[str] = []
        arguments: list[str] = []
        for chunk in client.chat.completions.create(**sampled, stream=True):
            for call in chunk.choices[0].delta.tool_calls or ():
                names += [call.function.name] if call.function.name else []
                arguments += [""] if call.id else []
                arguments[call.index] += call.function.arguments
        assert names == ["get_weather"] * len(answer.message.tool_calls)
        assert arguments == [call.function.arguments for call in answer.message.tool_calls]


def test_parsed_arguments_whole_and_streamed(client):
    completion = client.chat.completions.parse(**REQUIRED, temperature=1.0, seed=1)
    (call, *_) = completion.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, GetWeather)
    with client.chat.completions.stream(**REQUIRED, temperature=1.0, seed=1) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert kinds.count("tool_calls.function.arguments.done") == len(completion.choices[0].message.tool_calls)
    assert final.choices[0].message.tool_calls[0].function.parsed_arguments == call.function.parsed_arguments


def test_a_round_of_calls_and_results(client):
    message = client.chat.completions.create(**REQUIRED, parallel_tool_calls=False, temperature=0).choices[0].message
    (call,) = message.tool_calls
    result = {"role": "tool", "tool_call_id": call.id, "content": "31"}
    answer = client.chat.completions.create(
        **{**OPTIONS, "messages": [*MESSAGES, message, result], "tool_choice": "none", "temperature": 0}
    )
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"


def test_parsed_answers(client):
    options = {"model": "sampan-tiny", "messages": MESSAGES, "max_tokens": 600, "temperature": 1.0}
    for seed in range(2):
        completion = client.chat.completions.parse(**options, seed=seed, response_format=GetWeather)
        assert isinstance(completion.choices[0].message.parsed, GetWeather)


HOSTILE = [
    {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/x.json"}}},
    {"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}},
    {"type": "object", "description": "x" * 70_000},
    {"type": "object", "properties": {"a": {"type": "nothing"}}},
    {"type": "object", "properties": {"a": False}, "required": ["a"]},
]


def test_hostile_schemas_harm_nobody(server, client):
    options = {"model": "sampan-tiny", "messages": MESSAGES, "max_tokens": 60, "temperature": 0}
    before = client.chat.completions.create(**options).choices[0].message
    for schema in HOSTILE:
        tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
        body = {**options, "tools": [tool], "tool_choice": "required"}
        response = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60)
        assert response.status_code == 400, schema
        assert response.json()["error"]["type"] == "BadRequestError"
    assert client.chat.completions.create(**options).choices[0].message == before


def test_free_calls():
    calls = show_calls([("get_weather", '{"city": "杭州", "unit": "celsius"}')])
    with scripted_server(answers=[f"Hm.</think>I look.{calls}"]) as server:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=120)
        message = client.chat.completions.parse(**OPTIONS).choices[0].message
        assert (message.content, message.reasoning_content) == ("I look.", "Hm.")
        (call,) = message.tool_calls
        assert call.function.parsed_arguments == GetWeather(city="杭州", unit="celsius")


def test_it_ends_in_success(server):
    assert server.stop() == (0, "")
