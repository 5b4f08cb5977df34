"""The embedded model behind `sampan serve`, asked by the unmodified `openai` client."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import openai
import pytest

from server_process import ServerProcess, sampan_serve

QUESTION = "如何重置路由器密码?"
OPTIONS = {"model": "sampan-tiny", "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with sampan_serve() as server:
        yield server


def test_thought_and_numbered_answer_streamed_and_whole(server):
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=120)
    completion = client.chat.completions.create(**OPTIONS)
    (choice,) = completion.choices
    assert choice.finish_reason == "stop"
    assert choice.message.reasoning_content
    assert len(re.findall(r"^\d\. ", choice.message.content, re.MULTILINE)) >= 3
    *chunks, last = client.chat.completions.create(**OPTIONS, stream=True, stream_options={"include_usage": True})
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas) == choice.message.content
    assert "".join(getattr(delta, "reasoning_content", "") for delta in deltas) == (choice.message.reasoning_content)
    assert last.usage.completion_tokens == completion.usage.completion_tokens
    fields = {"prompt": QUESTION, "temperature": 0}
    assert httpx.post(f"{server.url}/generate", params=fields, timeout=120).json() == {
        "response": choice.message.content
    }


def test_it_ends_in_success(server):
    assert server.stop() == (0, "")
