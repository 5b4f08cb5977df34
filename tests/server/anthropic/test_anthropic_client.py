"""The unmodified `anthropic` client against a server process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import anthropic
import pytest

from sampan.text.tool_syntax import show_calls
from scripted_engine import CHAT_TEMPLATE, ids_of
from server_process import ServerProcess, scripted_server

THOUGHT = "用户问路由器。🤔"
ANSWER = "1. 按住 reset 键 10 秒。\n2. 输入 admin 👩‍👩‍👧。"
CALLS = show_calls([("weather", '{"city": "东京"}')])
MESSAGES = [{"role": "user", "content": "如何重置路由器密码?"}]
OPTIONS = {"model": "sampan-tiny", "max_tokens": 1000, "messages": MESSAGES}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with scripted_server(answers=[f"{THOUGHT}</think>\n\n{ANSWER}"]) as server:
        yield server


@pytest.fixture
def client(server) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=server.url, api_key="unused", max_retries=0, timeout=60)


def test_create(client):
    message = client.messages.create(**OPTIONS)
    assert [(block.type, block.text) for block in message.content] == [("text", ANSWER)]
    assert (message.role, message.stop_reason) == ("assistant", "end_turn")
    assert message.usage.output_tokens == len(ids_of(f"{THOUGHT}</think>\n\n{ANSWER}")) + 1
    assert message._request_id


def test_stream_with_thinking(client):
    with client.messages.stream(**OPTIONS, **THINKING) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    thinking, text = final.content
    assert (thinking.thinking, text.text) == (THOUGHT, ANSWER)
    whole = client.messages.create(**OPTIONS, **THINKING)
    assert [block.to_dict() for block in final.content] == [block.to_dict() for block in whole.content]
    assert (final.stop_reason, final.usage.to_dict()) == (whole.stop_reason, whole.usage.to_dict())
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 2
    assert kinds.count("signature") == 1


def test_raw_events_and_the_async_client(server):
    async def ask() -> str:
        client = anthropic.AsyncAnthropic(base_url=server.url, api_key="unused", max_retries=0)
        stream = await client.messages.create(**OPTIONS, stream=True)
        texts = [event.delta.text async for event in stream if event.type == "content_block_delta"]
        await client.close()
        return "".join(texts)

    assert asyncio.run(ask()) == ANSWER


def test_an_answer_comes_back_as_history(client):
    answer = client.messages.create(**OPTIONS, **THINKING)
    history = [*MESSAGES, {"role": "assistant", "content": answer.content}, {"role": "user", "content": "还有?"}]
    shown = [*MESSAGES, {"role": "assistant", "content": ANSWER}, history[-1]]
    count = client.messages.count_tokens(model="sampan-tiny", messages=history)
    assert count.input_tokens == len(CHAT_TEMPLATE.encode(shown).token_ids)
    assert client.messages.create(**{**OPTIONS, "messages": history}).content[0].text == ANSWER


def test_models(client):
    (model,) = client.models.list()
    assert (model.id, model.type, model.display_name) == ("sampan-tiny", "model", "sampan-tiny")
    assert client.models.retrieve("sampan-tiny").created_at.year >= 2025


def test_errors_are_the_client_s_own(client):
    with pytest.raises(anthropic.NotFoundError) as missing:
        client.messages.create(**{**OPTIONS, "model": "claude"})
    assert missing.value.body["error"]["type"] == "not_found_error"
    assert missing.value.request_id == missing.value.body["request_id"]
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**{**OPTIONS, "max_tokens": 0})


def test_tools():
    tools = [{"name": "weather", "description": "How it is.", "input_schema": {"type": "object"}}]
    answers = [f"</think>Well.{CALLS}", "</think>Rain."]
    with scripted_server(answers=[*answers, *answers]) as server:
        client = anthropic.Anthropic(base_url=server.url, api_key="unused", max_retries=0, timeout=60)
        message = client.messages.create(**OPTIONS, tools=tools)
        text, call = message.content
        assert (text.text, call.name, call.input) == ("Well.", "weather", {"city": "东京"})
        assert message.stop_reason == "tool_use"
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
        history = [
            *MESSAGES,
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": [result]},
        ]
        assert client.messages.create(**{**OPTIONS, "messages": history}, tools=tools).content[0].text == "Rain."
        with client.messages.stream(**OPTIONS, tools=tools) as stream:
            final = stream.get_final_message()
        assert [(block.type, getattr(block, "input", None)) for block in final.content] == [
            ("text", None),
            ("tool_use", {"city": "东京"}),
        ]
