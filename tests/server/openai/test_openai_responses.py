"""`client.responses` of the unmodified `openai` client, sync and async, against servers in processes of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Literal

import openai
import pytest
from openai.types.responses import ResponseTextDeltaEvent
from pydantic import BaseModel

from sampan.text.tool_syntax import show_calls
from server_process import ServerProcess, sampan_serve, scripted_server

THOUGHT = "用户问天气。🤔"
ANSWER = "杭州 31 度 👩‍👩‍👧。"
CALL = show_calls([("GetWeather", '{"city": "杭州"}')])


class GetWeather(BaseModel):
    city: Literal["杭州", "上海"]  # a tiny model would find no end to a text


TOOLS = [openai.pydantic_function_tool(GetWeather)["function"] | {"type": "function"}]


@pytest.fixture(scope="module")
def scripted() -> Iterator[ServerProcess]:
    answers = [f"{THOUGHT}</think>\n\n{ANSWER}"]
    with scripted_server(answers=answers) as server:
        yield server


@pytest.fixture(scope="module")
def embedded() -> Iterator[ServerProcess]:
    with sampan_serve() as server:
        yield server


def client_of(server: ServerProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=120)


def test_create(scripted):
    response = client_of(scripted).responses.create(model="sampan-tiny", input="杭州今天多少度?")
    assert (response.status, response.output_text, response.error) == ("completed", ANSWER, None)
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.output[0].content[0].text == THOUGHT
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response.usage.output_tokens_details.reasoning_tokens > 0


def test_stream_of_create(scripted):
    events = list(client_of(scripted).responses.create(model="sampan-tiny", input="hi", stream=True))
    assert "".join(event.delta for event in events if isinstance(event, ResponseTextDeltaEvent)) == ANSWER
    thoughts = [event.delta for event in events if event.type == "response.reasoning_text.delta"]
    assert "".join(thoughts) == THOUGHT
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output_text == ANSWER


def test_the_streaming_helper(scripted):
    with client_of(scripted).responses.stream(model="sampan-tiny", input="hi") as stream:
        texts = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        assert texts[-1] == ANSWER
        assert stream.get_final_response().output_text == ANSWER


def test_async(scripted):
    async def ask() -> None:
        async with openai.AsyncOpenAI(base_url=f"{scripted.url}/v1", api_key="unused", max_retries=0) as client:
            whole, streamed = await asyncio.gather(
                client.responses.create(model="sampan-tiny", input="hi"),
                client.responses.create(model="sampan-tiny", input="hi", stream=True),
            )
            events = [event async for event in streamed]
            assert whole.output_text == events[-1].response.output_text == ANSWER
            completion = await client.chat.completions.create(
                model="sampan-tiny", messages=[{"role": "user", "content": "hi"}]
            )
            assert completion.choices[0].message.content == ANSWER

    asyncio.run(ask())


def test_a_round_of_calls_and_results_as_agents_do():
    with scripted_server(answers=[f"Hm.</think>I look.{CALL}", f"</think>{ANSWER}"]) as server:
        client = client_of(server)
        items = [{"role": "user", "content": "杭州今天多少度?"}]
        first = client.responses.parse(model="sampan-tiny", input=items, tools=TOOLS)
        (call,) = [item for item in first.output if item.type == "function_call"]
        assert call.parsed_arguments == {"city": "杭州"}
        items += [item.to_dict() for item in first.output]
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": "31"})
        with client.responses.stream(model="sampan-tiny", input=items, tools=TOOLS) as stream:
            assert stream.get_final_response().output_text == ANSWER


def test_errors_are_the_client_s_own(scripted):
    client = client_of(scripted)
    with pytest.raises(openai.BadRequestError) as stored:
        client.responses.create(model="sampan-tiny", input="hi", previous_response_id="resp_1")
    assert stored.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="gpt-4", input="hi", stream=True)


def test_parsed_text_and_calls_of_a_real_model(embedded):
    client = client_of(embedded)
    options = {"model": "sampan-tiny", "input": "杭州今天多少度?", "max_output_tokens": 800, "temperature": 1.0}
    for seed in range(3):
        sampled = {**options, "extra_body": {"seed": seed}}
        parsed = client.responses.parse(**sampled, text_format=GetWeather)
        assert isinstance(parsed.output_parsed, GetWeather)
        called = client.responses.create(**sampled, tools=TOOLS, tool_choice="required", parallel_tool_calls=False)
        assert called.output[-1].type == "function_call"
        assert set(json.loads(called.output[-1].arguments)) == {"city"}
    *events, last = client.responses.create(**options, tools=TOOLS, tool_choice="required", stream=True)
    assert last.type in ("response.completed", "response.incomplete")
    arguments = "".join(event.delta for event in events if event.type == "response.function_call_arguments.delta")
    calls = [item.arguments for item in last.response.output if item.type == "function_call"]
    assert arguments == "".join(calls)
    assert embedded.stop() == (0, "")
