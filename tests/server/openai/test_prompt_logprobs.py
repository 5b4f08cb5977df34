"""What the model thinks of a prompt (`prompt_logprobs`, `echo` with `logprobs`), against an engine in this process."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from sampan import LLM, SamplingParams
from sampan.backends.base import TokenLogprobs
from sampan.text import Tokenizer
from server_process import ServerProcess

TEXT = "量子 network 🚀 of routers"


@pytest.fixture(scope="module")
def tokenizer(llm: LLM) -> Tokenizer:
    return llm.loaded.tokenizer


def complete(server: ServerProcess, **fields: Any) -> dict[str, Any]:
    response = httpx.post(f"{server.url}/v1/completions", json={"temperature": 0, **fields}, timeout=60)
    assert response.status_code == 200, response.text
    return response.json()


def read(llm: LLM, ids: list[int], count: int) -> tuple[TokenLogprobs, ...]:
    """Of every token but the first."""
    params = SamplingParams(max_tokens=0, prompt_logprobs=count)
    return llm.generate(prompt_token_ids=[ids], sampling_params=params)[0].prompt_logprobs


def test_echo_shows_the_prompt_with_its_logprobs(server, llm, tokenizer):
    ids = tokenizer.encode(TEXT, add_bos=True)
    body = complete(server, prompt=TEXT, echo=True, logprobs=2, max_tokens=0)
    (choice,) = body["choices"]
    logprobs, entries = choice["logprobs"], read(llm, ids, 2)

    assert (choice["text"], choice["finish_reason"]) == (TEXT, "length")
    assert logprobs["token_logprobs"] == [None, *(float(entry.logprobs[0]) for entry in entries)]
    assert logprobs["top_logprobs"][0] is None
    for top, entry, own in zip(logprobs["top_logprobs"][1:], entries, logprobs["token_logprobs"][1:], strict=True):
        assert max(top.values()) == float(entry.logprobs.max())
        assert own in top.values()
        assert len(top) in (2, 3)
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (len(ids), 0)
    for token, offset in zip(logprobs["tokens"], logprobs["text_offset"], strict=True):
        if token not in ("<｜begin▁of▁sentence｜>",) and not token.startswith("bytes:"):
            assert TEXT[offset:].startswith(token)


def test_lm_evaluation_harness_gets_what_it_reads(server, llm, tokenizer):
    """It sends contexts with continuations as ids, and reads the logprobs behind the context, but for the last one."""
    contexts = [tokenizer.encode(text, add_bos=True) for text in ("one", "two and three")]
    wholes = [context + tokenizer.encode(" routers of 网络") for context in contexts]
    for max_tokens, end in ((1, -1), (0, None)):
        body = complete(server, prompt=wholes, max_tokens=max_tokens, echo=True, logprobs=1, seed=1234)
        for choice, context, whole in zip(body["choices"], contexts, wholes, strict=True):
            span = slice(len(context), end)
            values, top = choice["logprobs"]["token_logprobs"][span], choice["logprobs"]["top_logprobs"][span]
            entries = read(llm, whole, 1)[len(context) - 1 :]
            assert sum(values) == sum(float(entry.logprobs[0]) for entry in entries)
            is_greedy = [value == max(names.values()) for value, names in zip(values, top, strict=True)]
            assert is_greedy == [entry.rank == 1 for entry in entries]


def test_an_echo_and_its_answer_are_one_text(server, tokenizer):
    fields = {"prompt": TEXT, "echo": True, "logprobs": 1, "max_tokens": 5, "n": 2, "temperature": 1, "seed": 5}
    for index, choice in enumerate(complete(server, **fields)["choices"]):
        logprobs = choice["logprobs"]
        assert len(logprobs["tokens"]) == len(tokenizer.encode(TEXT, add_bos=True)) + 5
        assert {len(values) for values in logprobs.values()} == {len(logprobs["tokens"])}
        alone = complete(server, **{**fields, "echo": False})["choices"][index]
        assert choice["text"] == TEXT + alone["text"]
        assert logprobs["token_logprobs"][-5:] == alone["logprobs"]["token_logprobs"]
        assert logprobs["text_offset"][-5:] == [len(TEXT) + offset for offset in alone["logprobs"]["text_offset"]]


def test_a_streamed_echo_is_the_whole_one(server):
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0)
    fields = {"model": "m", "prompt": [TEXT, "b"], "echo": True, "logprobs": 1, "max_tokens": 4, "temperature": 0}
    whole = client.completions.create(**fields)
    texts, logprobs = ["", ""], [{}, {}]
    for chunk in client.completions.create(**fields, stream=True):
        (choice,) = chunk.choices
        texts[choice.index] += choice.text
        for name, values in (choice.logprobs.to_dict() if choice.logprobs else {}).items():
            logprobs[choice.index].setdefault(name, []).extend(values)
    assert texts == [choice.text for choice in whole.choices]
    assert logprobs == [choice.logprobs.to_dict() for choice in whole.choices]


def test_echo_alone_needs_no_answer(server):
    (choice,) = complete(server, prompt=TEXT, echo=True, max_tokens=0)["choices"]
    assert (choice["text"], choice["logprobs"], choice["finish_reason"]) == (TEXT, None, "length")


@pytest.mark.parametrize("max_tokens", [0, 3])
def test_prompt_logprobs_of_completions(server, llm, tokenizer, max_tokens):
    ids = tokenizer.encode(TEXT, add_bos=True)
    (choice,) = complete(server, prompt=TEXT, prompt_logprobs=3, max_tokens=max_tokens)["choices"]
    first, *shown = choice["prompt_logprobs"]
    assert first is None
    for token_id, table, entry in zip(ids[1:], shown, read(llm, ids, 3), strict=True):
        pairs = zip(entry.token_ids.tolist(), entry.logprobs.tolist(), strict=True)
        assert {int(key): value["logprob"] for key, value in table.items()} == dict(pairs)
        assert next(iter(table)) == str(token_id)
        assert table[str(token_id)]["rank"] == entry.rank
        assert sorted(value["rank"] for value in table.values())[:3] == [1, 2, 3]


def test_prompt_logprobs_of_a_chat(server, llm):
    messages = [{"role": "user", "content": TEXT}]
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0)
    completion = client.chat.completions.create(
        model="m", messages=messages, max_tokens=2, extra_body={"prompt_logprobs": 0}
    )
    ids = llm.loaded.chat_template.encode(messages).token_ids
    first, *shown = completion.prompt_logprobs
    assert first is None
    assert [next(iter(table.values()))["logprob"] for table in shown] == [
        float(entry.logprobs[0]) for entry in read(llm, ids, 0)
    ]


def test_a_prompt_as_long_as_the_context_can_be_read(server, llm):
    longest = llm.loaded.engine.max_model_len
    body = complete(server, prompt=[[5] * longest], echo=True, logprobs=1, max_tokens=0)
    assert len(body["choices"][0]["logprobs"]["tokens"]) == longest
