"""`litellm`: one call for all servers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.clients
MESSAGES = [{"role": "user", "content": "How do I reset the router?"}]


@pytest.fixture(scope="module")
def litellm() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it fetches prices from the net
        return pytest.importorskip("litellm", reason="in the group `clients`")


@pytest.fixture
def options(url: str) -> dict[str, Any]:
    sampling = {"temperature": 0, "max_tokens": 200, "num_retries": 0}
    return {"model": "openai/sampan-tiny", "api_base": url, "api_key": "unused", "messages": MESSAGES, **sampling}


def test_an_answer_and_its_stream(litellm: Any, options: dict[str, Any]) -> None:
    message = litellm.completion(**options).choices[0].message
    assert message.content
    assert message.reasoning_content
    deltas = [chunk.choices[0].delta for chunk in litellm.completion(**options, stream=True)]
    assert "".join(delta.content or "" for delta in deltas) == message.content
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == message.reasoning_content


def test_an_answer_asynchronously(litellm: Any, options: dict[str, Any]) -> None:
    async def ask() -> Any:
        return await litellm.acompletion(**options)

    answer = asyncio.run(ask())
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_refusal_is_an_exception_of_its_own(litellm: Any, options: dict[str, Any]) -> None:
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**{**options, "max_tokens": 10**6})
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(**{**options, "model": "openai/gpt-4"})
