"""The unmodified `ollama` client against a server process."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import ollama
import pytest

from sampan import __version__
from sampan.text.tool_syntax import show_calls
from scripted_engine import MODEL_CONFIG, TEMPLATE, ids_of
from server_process import ServerProcess, scripted_server

THOUGHT = "用户问路由器。🤔"
ANSWER = "1. 按住 reset 键 10 秒。\n2. 输入 admin 👩‍👩‍👧。"
CALLS = show_calls([("weather", '{"city": "东京"}')])
MESSAGES = [{"role": "user", "content": "如何重置路由器密码?"}]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with scripted_server(answers=[f"{THOUGHT}</think>\n\n{ANSWER}"]) as server:
        yield server


@pytest.fixture
def client(server) -> ollama.Client:
    return ollama.Client(server.url)


def test_chat(client):
    answer = client.chat("sampan-tiny", MESSAGES)
    assert (answer.message.content, answer.message.thinking) == (ANSWER, THOUGHT)
    assert (answer.done, answer.done_reason) == (True, "stop")
    assert answer.eval_count == len(ids_of(f"{THOUGHT}</think>\n\n{ANSWER}")) + 1


def test_chat_streamed(client):
    *pieces, last = client.chat("sampan-tiny", MESSAGES, stream=True, think=True, options={"seed": 1})
    assert "".join(piece.message.content for piece in pieces) == ANSWER
    assert "".join(piece.message.thinking or "" for piece in pieces) == THOUGHT
    assert not any(piece.done for piece in pieces)
    assert last.total_duration >= last.prompt_eval_duration + last.eval_duration > 0


def test_generate(client):
    answer = client.generate("sampan-tiny", MESSAGES[0]["content"], options={"temperature": 0})
    assert (answer.response, answer.thinking) == (ANSWER, THOUGHT)
    *pieces, _ = client.generate("sampan-tiny", "还有?", context=answer.context, stream=True)
    assert "".join(piece.response for piece in pieces) == ANSWER
    assert client.generate("sampan-tiny").done_reason == "load"


def test_what_the_server_tells_of_its_model(client, server):
    (listed,) = client.list().models
    (running,) = client.ps().models
    shown = client.show("sampan-tiny")
    assert listed.model == running.model == "sampan-tiny"
    assert listed.digest == running.digest
    assert (listed.size, running.size_vram, running.context_length) == (0, 0, 4096)
    assert shown.template == TEMPLATE
    assert shown.capabilities == ["completion", "thinking", "tools", "embedding"]
    assert shown.details.family == "qwen2"
    assert shown.modelinfo["general.parameter_count"] == MODEL_CONFIG.num_parameters
    assert shown.modelinfo["qwen2.context_length"] == 4096
    assert httpx.get(f"{server.url}/api/version").json() == {"version": __version__}
    assert httpx.head(server.url).status_code == 200


def test_errors_are_the_client_s_own(client):
    with pytest.raises(ollama.ResponseError) as missing:
        client.chat("llama3", MESSAGES)
    assert missing.value.status_code == 404
    assert missing.value.error == "This server has no model of that name (use sampan-tiny)"


def test_tools():
    def weather(city: str) -> str:
        """How it is.

        Args:
            city: where
        """
        return f"rain in {city}"

    answers = [f"</think>Well.{CALLS}", "</think>Rain."]
    with scripted_server(answers=answers) as server:
        client = ollama.Client(server.url)
        message = client.chat("sampan-tiny", MESSAGES, tools=[weather]).message
        (call,) = message.tool_calls
        assert (message.content, call.function.name, call.function.arguments) == ("Well.", "weather", {"city": "东京"})
        result = {"role": "tool", "tool_name": "weather", "content": weather(**call.function.arguments)}
        assert client.chat("sampan-tiny", [*MESSAGES, message, result]).message.content == "Rain."
