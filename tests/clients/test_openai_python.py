"""`openai` for Python: asynchronously, and with answers parsed into classes."""

from __future__ import annotations

import asyncio
from typing import Literal

import openai
from pydantic import BaseModel

MESSAGES = [{"role": "user", "content": "How do I reset the router?"}]
GREEDY = {"model": "sampan-tiny", "messages": MESSAGES, "temperature": 0, "max_tokens": 200}


class Ticket(BaseModel):
    kind: Literal["question", "fault"]
    is_urgent: bool


def test_asynchronous_answers_and_streams(url: str) -> None:
    async def tour() -> tuple[openai.types.chat.ChatCompletion, list[openai.types.chat.ChatCompletionChunk]]:
        async with openai.AsyncOpenAI(base_url=url, api_key="unused", max_retries=0) as client:
            whole, stream = await asyncio.gather(
                client.chat.completions.create(**GREEDY),
                client.chat.completions.create(**GREEDY, stream=True, stream_options={"include_usage": True}),
            )
            return whole, [chunk async for chunk in stream]

    whole, (*chunks, last) = asyncio.run(tour())
    message = whole.choices[0].message
    assert message.content
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas) == message.content
    assert "".join(getattr(delta, "reasoning_content", "") or "" for delta in deltas) == message.reasoning_content
    assert last.usage == whole.usage.model_copy(update={"prompt_tokens_details": last.usage.prompt_tokens_details})


def test_an_answer_parsed_into_a_class(url: str) -> None:
    with openai.OpenAI(base_url=url, api_key="unused", max_retries=0) as client:
        completion = client.chat.completions.parse(**GREEDY, response_format=Ticket)
        assert isinstance(completion.choices[0].message.parsed, Ticket)
        with client.chat.completions.stream(**GREEDY, response_format=Ticket) as stream:
            assert stream.get_final_completion().choices[0].message.parsed == completion.choices[0].message.parsed


def test_an_asynchronous_client_that_leaves(url: str) -> None:
    async def tour() -> str:
        async with openai.AsyncOpenAI(base_url=url, api_key="unused", max_retries=0) as client:
            stream = await client.chat.completions.create(**GREEDY, stream=True)
            async for _ in stream:
                break
            await stream.close()
            return (await client.completions.create(model="sampan-tiny", prompt="Hello", max_tokens=3)).object

    assert asyncio.run(tour()) == "text_completion"
