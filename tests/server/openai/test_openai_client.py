"""The unmodified `openai` client against a server process."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from random_folder import write_random_model
from scripted_engine import ids_of
from server_process import ServerProcess, sampan_serve, scripted_server

THOUGHT = "用户问路由器。🤔"
ANSWER = "1. 按住 reset 键 10 秒。\n2. 输入 admin 👩‍👩‍👧。"
MESSAGES = [{"role": "user", "content": "如何重置路由器密码?"}]


@pytest.fixture(scope="module")
def scripted() -> Iterator[ServerProcess]:
    with scripted_server(answers=[f"{THOUGHT}</think>\n\n{ANSWER}"]) as server:
        yield server


@pytest.fixture(scope="module")
def random(tmp_path_factory) -> Iterator[ServerProcess]:
    folder = write_random_model(tmp_path_factory.mktemp("models") / "random")
    with sampan_serve(str(folder), "--served-model-name", "sampan-tiny") as server:
        yield server


def client_of(server: ServerProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=120)


def test_whole_answer(scripted):
    completion = client_of(scripted).chat.completions.create(model="sampan-tiny", messages=MESSAGES)
    (choice,) = completion.choices
    assert (choice.message.content, choice.message.reasoning_content) == (ANSWER, THOUGHT)
    assert choice.finish_reason == "stop"
    assert completion.usage.completion_tokens == len(ids_of(f"{THOUGHT}</think>\n\n{ANSWER}")) + 1
    assert completion.usage.completion_tokens_details.reasoning_tokens == len(ids_of(f"{THOUGHT}</think>"))


def test_streamed_answer(scripted):
    stream = client_of(scripted).chat.completions.create(
        model="sampan-tiny", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    *chunks, usage = stream
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert deltas[0].role == "assistant"
    assert "".join(getattr(delta, "reasoning_content", "") or "" for delta in deltas) == THOUGHT
    assert "".join(delta.content or "" for delta in deltas) == ANSWER
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert usage.usage.total_tokens == usage.usage.prompt_tokens + usage.usage.completion_tokens


def test_async_client_and_the_streaming_helper(scripted):
    with client_of(scripted).chat.completions.stream(model="sampan-tiny", messages=MESSAGES) as stream:
        for _ in stream:
            pass
        assert stream.get_final_completion().choices[0].message.content == ANSWER


def test_completions_and_models(scripted):
    client = client_of(scripted)
    text = client.completions.create(model="sampan-tiny", prompt="hi", max_tokens=3).choices[0].text
    assert text == "用"
    assert [model.id for model in client.models.list()] == ["sampan-tiny"]
    assert client.models.retrieve("sampan-tiny").owned_by == "sampan"


def test_errors_are_the_client_s_own(scripted):
    client = client_of(scripted)
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-4", messages=MESSAGES)
    assert missing.value.param == "model"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model="sampan-tiny", messages=[])
    assert (wrong.value.param, wrong.value.type) == ("messages", "BadRequestError")


@pytest.mark.parametrize("seed", range(2))
def test_real_engine_streams_what_it_answers_whole(random, seed):
    """A random model writes broken characters and tags anywhere: the hardest text to stream."""
    client = client_of(random)
    options = {"model": "sampan-tiny", "messages": MESSAGES, "seed": seed, "temperature": 3.0, "max_tokens": 80}
    completion = client.chat.completions.create(**options, logprobs=True, top_logprobs=2)
    message = completion.choices[0].message
    *chunks, last = client.chat.completions.create(
        **options, logprobs=True, top_logprobs=2, stream=True, stream_options={"include_usage": True}
    )
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas) == (message.content or "")
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == message.reasoning_content
    assert last.usage.completion_tokens == completion.usage.completion_tokens
    assert last.usage.completion_tokens_details == completion.usage.completion_tokens_details
    entries = completion.choices[0].logprobs.content
    streamed = [entry for chunk in chunks if chunk.choices[0].logprobs for entry in chunk.choices[0].logprobs.content]
    assert streamed == entries
    assert len(entries) == completion.usage.completion_tokens


def test_real_engine_refuses_what_does_not_fit(random):
    client = client_of(random)
    with pytest.raises(openai.BadRequestError, match="512") as caught:
        client.chat.completions.create(model="sampan-tiny", messages=MESSAGES, max_tokens=5000)
    assert caught.value.param == "max_tokens"
    with pytest.raises(openai.BadRequestError, match="vocabulary"):
        client.completions.create(model="sampan-tiny", prompt=[511])
    with pytest.raises(openai.BadRequestError, match="logit_bias"):
        client.completions.create(model="sampan-tiny", prompt="x", logit_bias={"400": 1})


def test_real_engine_repeats_itself_with_a_warm_cache_and_in_company(random):
    client = client_of(random)
    options = {"model": "sampan-tiny", "messages": MESSAGES, "seed": 1, "temperature": 1.0, "max_tokens": 60}
    first = client.chat.completions.create(**options)
    again = client.chat.completions.create(**options, n=3)
    assert again.choices[0].message == first.choices[0].message
    assert again.usage.prompt_tokens_details.cached_tokens > 0
    assert random.stop() == (0, "")
