"""`langchain-openai`: what chains are made of."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest
from pydantic import BaseModel

pytestmark = pytest.mark.clients
langchain_openai = pytest.importorskip("langchain_openai", reason="in the group `clients`")

QUESTION = [("system", "You are brief."), ("human", "How do I reset the router?")]


class Ticket(BaseModel):
    """A request for help."""

    kind: Literal["question", "fault"]
    is_urgent: bool


@pytest.fixture
def chat(url: str) -> Any:
    return langchain_openai.ChatOpenAI(
        model="sampan-tiny", base_url=url, api_key="unused", temperature=0, max_tokens=200, max_retries=0
    )


def test_an_answer_and_its_stream(chat: Any) -> None:
    answer = chat.invoke(QUESTION)
    assert answer.content
    assert answer.response_metadata["finish_reason"] in ("stop", "length")
    assert answer.usage_metadata["total_tokens"] == (
        answer.usage_metadata["input_tokens"] + answer.usage_metadata["output_tokens"]
    )
    assert "".join(chunk.content for chunk in chat.stream(QUESTION)) == answer.content


def test_many_at_once(chat: Any) -> None:
    one = chat.invoke(QUESTION).content
    assert [answer.content for answer in chat.batch([QUESTION] * 3)] == [one] * 3
    assert asyncio.run(chat.ainvoke(QUESTION)).content == one


def test_an_answer_as_an_object(chat: Any) -> None:
    assert isinstance(chat.with_structured_output(Ticket, method="json_schema").invoke(QUESTION), Ticket)


def test_a_tool_that_must_be_called(chat: Any) -> None:
    answer = chat.bind_tools([Ticket], tool_choice="Ticket", strict=True).invoke(QUESTION)
    (call,) = answer.tool_calls
    assert call["name"] == "Ticket"
    assert isinstance(Ticket(**call["args"]), Ticket)


def test_a_text_to_go_on_from(url: str) -> None:
    model = langchain_openai.OpenAI(model="sampan-tiny", base_url=url, api_key="unused", max_tokens=8, temperature=0)
    assert "".join(model.stream("The harbour is")) == model.invoke("The harbour is")
