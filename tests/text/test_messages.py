"""Messages in OpenAI's shapes: what is accepted, and what a malformed request is told."""

from __future__ import annotations

from typing import Any

import pytest

from sampan.errors import RequestError
from sampan.text import ChatMessage, parse_messages

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "上海"}'}}


def shown(message: dict[str, Any]) -> dict[str, Any]:
    return parse_messages([message])[0].for_template()


def test_shapes_of_content() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert shown({"role": "user", "content": "a"}) == {"role": "user", "content": "a"}
    assert shown({"role": "user", "content": parts}) == {"role": "user", "content": "a\nb"}
    assert shown({"role": "user", "content": []}) == {"role": "user", "content": ""}
    assert shown({"role": "assistant"}) == {"role": "assistant", "content": ""}
    assert shown({"role": "user", "content": "a", "name": "Li"}) == {"role": "user", "content": "a", "name": "Li"}


def test_developer_is_system() -> None:
    assert shown({"role": "developer", "content": "a"}) == {"role": "system", "content": "a"}


def test_earlier_thoughts_are_not_shown() -> None:
    assert shown({"role": "assistant", "content": "<think>a</think>b</think>\n\nc"})["content"] == "\n\nc"
    assert shown({"role": "assistant", "content": "c", "reasoning_content": "a"}) == {
        "role": "assistant",
        "content": "c",
    }
    assert shown({"role": "user", "content": "a</think>b"})["content"] == "a</think>b"
    [message] = parse_messages([{"role": "assistant", "content": "c", "reasoning": "a"}])
    assert message == ChatMessage("assistant", "c", reasoning="a")


def test_tool_calls_and_their_results() -> None:
    call = {"type": "function", "id": "c1", "function": CALL["function"]}
    for content in (None, ""):
        message = shown({"role": "assistant", "content": content, "tool_calls": [CALL]})
        assert message == {"role": "assistant", "content": None, "tool_calls": [call]}
    as_object = {"function": {"name": "weather", "arguments": {"city": "上海"}}}
    message = shown({"role": "assistant", "content": "I look.", "tool_calls": [as_object]})
    assert message["content"] == "I look."
    assert message["tool_calls"][0]["function"]["arguments"] == '{"city": "上海"}'
    assert shown({"role": "tool", "content": "sun", "tool_call_id": "c1"})["tool_call_id"] == "c1"
    assert shown({"role": "assistant", "content": "a", "tool_calls": []}) == {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([], "messages"),
        ("hello", "messages"),
        (None, "messages"),
        (["hello"], "messages[0]"),
        ([{"content": "a"}], "messages[0].role"),
        ([{"role": "wizard", "content": "a"}], "messages[0].role"),
        ([{"role": ["user"], "content": "a"}], "messages[0].role"),
        ([{"role": "user", "content": "a"}, {"role": "user"}], "messages[1].content"),
        ([{"role": "tool", "content": None}], "messages[0].content"),
        ([{"role": "user", "content": 7}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0]"),
        ([{"role": "user", "content": "a", "name": 7}], "messages[0].name"),
        ([{"role": "assistant", "content": "a", "reasoning_content": 7}], "messages[0].reasoning_content"),
        ([{"role": "assistant", "tool_calls": "x"}], "messages[0].tool_calls"),
        ([{"role": "assistant", "tool_calls": [7]}], "messages[0].tool_calls[0]"),
        ([{"role": "assistant", "tool_calls": [{"function": {}}]}], "messages[0].tool_calls[0]"),
        (
            [{"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": 7}}]}],
            "messages[0].tool_calls[0]",
        ),
    ],
)
def test_malformed_messages(messages: Any, param: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_messages(messages)
    assert caught.value.param == param
    assert caught.value.remedy
