"""`POST /v1/chat/completions`: bodies, chunks, fields."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from sampan.engine.repetition import RepetitionDetection
from sampan.engine.sampling_params import SamplingParams
from scripted_engine import CHAT_TEMPLATE, END_THINK, EOS, THINK, TOKENIZER, ScriptedEngine, ids_of

THOUGHT = "用户想重置密码。🤔\n"
ANSWER = "1. 按住 reset 键。\n2. 等 10 秒 👩‍👩‍👧。"
RAW = f"{THOUGHT}</think>\n\n{ANSWER}"
USER = {"role": "user", "content": "hi"}
PROMPT = CHAT_TEMPLATE.encode([USER]).token_ids
USAGE = {
    "prompt_tokens": len(PROMPT),
    "completion_tokens": len(ids_of(RAW)) + 1,
    "total_tokens": len(PROMPT) + len(ids_of(RAW)) + 1,
    "prompt_tokens_details": {"cached_tokens": 16},
    "completion_tokens_details": {"reasoning_tokens": len(ids_of(f"{THOUGHT}</think>"))},
}


def joined(chunks, field, index=0):
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
    return "".join(delta.get(field) or "" for delta in deltas)


def test_whole_answer(ask):
    body = ask(RAW).chat().json()
    assert re.fullmatch("chatcmpl-[0-9a-f]{32}", body.pop("id"))
    assert re.fullmatch("fp_[0-9a-f]{12}", body.pop("system_fingerprint"))
    assert body.pop("created") > 1_700_000_000
    assert body == {
        "object": "chat.completion",
        "model": "sampan-tiny",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER, "reasoning_content": THOUGHT},
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": None,
            }
        ],
        "usage": USAGE,
    }


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_stream_is_the_whole_answer_in_order(ask, step):
    chunks = ask(engine=ScriptedEngine([RAW], step=step)).stream(stream_options={"include_usage": True})
    first, *middle, last, usage = chunks
    assert {(chunk["id"], chunk["object"], chunk["created"], chunk["model"]) for chunk in chunks} == {
        (first["id"], "chat.completion.chunk", first["created"], "sampan-tiny")
    }
    assert first["choices"] == [
        {
            "index": 0,
            "delta": {"role": "assistant", "content": ""},
            "logprobs": None,
            "finish_reason": None,
            "stop_reason": None,
        }
    ]
    assert last["choices"] == [
        {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop", "stop_reason": None}
    ]
    assert (usage["choices"], usage["usage"]) == ([], USAGE)
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert joined(middle, "reasoning_content") == THOUGHT
    assert joined(middle, "content") == ANSWER
    kinds = [list(chunk["choices"][0]["delta"]) for chunk in middle]
    assert all(len(kind) == 1 for kind in kinds)
    assert kinds == sorted(kinds, reverse=True)  # all of the thought before all of the answer


def test_no_usage_unless_asked(ask):
    assert all("usage" not in chunk for chunk in ask(RAW).stream())


def test_cut_inside_the_thought_there_is_no_answer(ask):
    body = ask(RAW).chat(max_tokens=4).json()
    (choice,) = body["choices"]
    assert choice["message"] == {"role": "assistant", "content": None, "reasoning_content": "用�"}
    assert choice["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 4


@pytest.mark.parametrize(
    ("reasoning_format", "message"),
    [
        ("reasoning", {"content": ANSWER, "reasoning": THOUGHT}),
        ("both", {"content": ANSWER, "reasoning_content": THOUGHT, "reasoning": THOUGHT}),
        ("none", {"content": f"<think>\n{RAW}"}),
    ],
)
def test_reasoning_formats(ask, reasoning_format, message):
    asked = ask(RAW, reasoning_format=reasoning_format)
    assert asked.chat().json()["choices"][0]["message"] == {"role": "assistant", **message}
    chunks = asked.stream()
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    for field, text in message.items():
        assert joined(chunks, field) == text


@pytest.mark.parametrize("reasoning_format", ["reasoning_content", "reasoning", "both", "none"])
def test_hidden_reasoning(ask, reasoning_format):
    asked = ask(RAW, reasoning_format=reasoning_format)
    body = asked.chat(include_reasoning=False, logprobs=True).json()
    assert body["choices"][0]["message"] == {"role": "assistant", "content": ANSWER}
    assert body["usage"] == USAGE
    chunks = asked.stream(include_reasoning=False, logprobs=True)
    assert {key for chunk in chunks for key in chunk["choices"][0]["delta"]} == {"role", "content"}
    assert joined(chunks, "content") == ANSWER
    shown = [entry for chunk in chunks for entry in (chunk["choices"][0]["logprobs"] or {"content": []})["content"]]
    assert shown == body["choices"][0]["logprobs"]["content"]
    assert b"".join(bytes(entry["bytes"]) for entry in shown[:-1]).decode() == f"\n\n{ANSWER}"


def test_logprobs(ask):
    asked = ask("é</think>A")
    content = asked.chat(logprobs=True, top_logprobs=2).json()["choices"][0]["logprobs"]["content"]
    assert [entry["token"] for entry in content] == [
        r"bytes:\xc3",
        r"bytes:\xa9",
        "</think>",
        "A",
        TOKENIZER.decode([EOS], skip_special_tokens=False),
    ]
    top = [
        {"token": TOKENIZER.decode([token_id]), "logprob": logprob, "bytes": list(TOKENIZER.id_to_bytes(token_id))}
        for token_id, logprob in ((65, -1.0), (66, -2.0))
    ]
    assert content[3] == {"token": "A", "logprob": -0.5, "bytes": [65], "top_logprobs": top}
    assert asked.chat(logprobs=True).json()["choices"][0]["logprobs"]["content"][3]["top_logprobs"] == []
    chunks = asked.stream(logprobs=True, top_logprobs=2)
    parts = [choice["logprobs"] for chunk in chunks for choice in chunk["choices"] if choice["logprobs"]]
    assert [entry for part in parts for entry in part["content"]] == content


def test_n_answers_have_seeds_of_their_own(ask):
    asked = ask("a</think>first", "b</think>second", "</think>third")
    choices = asked.chat(n=3, seed=7).json()["choices"]
    assert [(c["index"], c["message"]["content"]) for c in choices] == [(0, "first"), (1, "second"), (2, "third")]
    seeds = [call.params.seed for call in asked.engine.calls]
    assert seeds[0] == 7
    assert len(set(seeds)) == 3
    assert len({call.request_id for call in asked.engine.calls}) == 3
    again = ask("a")
    again.chat(n=3, seed=7)
    assert [call.params.seed for call in again.engine.calls] == seeds
    unseeded = ask("a")
    unseeded.chat(n=2)
    assert [call.params.seed for call in unseeded.engine.calls] == [None, None]


def test_n_answers_stream_side_by_side(ask):
    asked = ask("a</think>first", "b</think>second")
    chunks = asked.stream(n=2, stream_options={"include_usage": True})
    assert [chunk["choices"][0]["index"] for chunk in chunks[:2]] == [0, 1]
    assert (joined(chunks, "content", 0), joined(chunks, "content", 1)) == ("first", "second")
    assert (joined(chunks, "reasoning_content", 0), joined(chunks, "reasoning_content", 1)) == ("a", "b")
    usage = chunks[-1]["usage"]
    assert usage["prompt_tokens"] == len(PROMPT)
    assert usage["completion_tokens"] == len(ids_of("a</think>first" + "b</think>second")) + 2
    assert asked.engine.open_ids == set()


def test_every_sampling_field_reaches_the_engine(ask):
    fields = {
        "temperature": 0.5,
        "top_p": 0.8,
        "top_k": 40,
        "min_p": 0.1,
        "seed": 11,
        "presence_penalty": 0.2,
        "frequency_penalty": 0.3,
        "repetition_penalty": 1.1,
        "stop": ["x", "y"],
        "stop_token_ids": [7],
        "include_stop_str_in_output": True,
        "skip_special_tokens": False,
        "ignore_eos": True,
        "min_tokens": 2,
        "thinking_token_budget": 5,
        "answer_reserve": 3,
        "loop_guard": False,
        "max_tokens": 9,
        "allowed_token_ids": [7, 9],
    }
    asked = ask()
    assert (
        asked.chat(
            **fields,
            logit_bias={"5": -100},
            logprobs=True,
            top_logprobs=3,
            cache_salt="mine",
            bad_words=["é"],
            repetition_detection={"max_pattern_size": 5, "min_count": 3},
        ).status_code
        == 200
    )
    (call,) = asked.engine.calls
    expected = {**fields, "stop": ("x", "y"), "stop_token_ids": (7,), "logit_bias": {5: -100.0}, "logprobs": 3}
    expected["allowed_token_ids"] = (7, 9)
    expected["bad_word_ids"] = (tuple(TOKENIZER.encode("é")), tuple(TOKENIZER.encode(" é")))
    expected["repetition_detection"] = RepetitionDetection(max_pattern_size=5, min_count=3)
    assert call.params == SamplingParams(**expected)
    assert call.cache_salt == "mine"


@pytest.mark.parametrize("name", ["thinking_token_budget", "thinking_budget", "reasoning_max_tokens"])
def test_all_names_of_the_thinking_budget(ask, name):
    asked = ask()
    assert asked.chat(**{name: 0}).status_code == 200
    assert asked.engine.calls[0].params.thinking_token_budget == 0
    response = asked.chat(**{name: -1})
    assert response.json()["error"]["param"] == name
    assert response.status_code == 400
    if name != "thinking_token_budget":
        assert asked.chat(**{name: 1, "thinking_token_budget": 2}).status_code == 400


def test_answer_now_reaches_every_open_choice(ask):
    asked = ask(engine=ScriptedEngine(["a" * 50], delay=0.02))

    async def body() -> None:
        transport = httpx.ASGITransport(asked.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answering = asyncio.create_task(
                client.post("/v1/chat/completions", json={"messages": [USER], "n": 2, "stream": True})
            )
            while len(asked.engine.calls) < 2:
                await asyncio.sleep(0.001)
            answer_id = asked.engine.calls[0].request_id.rpartition("-")[0]
            assert (await client.post(f"/v1/chat/completions/{answer_id}/answer_now")).status_code == 204
            assert asked.engine.asked_to_answer == [f"{answer_id}-0", f"{answer_id}-1"]
            response = await answering
            assert f'"id":"{answer_id}"' in response.text
            late = await client.post(f"/v1/chat/completions/{answer_id}/answer_now")
            assert late.status_code == 404
            assert late.json()["error"]["type"] == "NotFoundError"

    asyncio.run(body())


def test_nulls_are_absent(ask):
    asked = ask()
    fields = (
        "temperature",
        "top_p",
        "n",
        "seed",
        "stop",
        "stream",
        "logprobs",
        "max_tokens",
        "tools",
        "response_format",
    )
    assert asked.chat(**dict.fromkeys(fields), user=None, model=None).status_code == 200
    assert asked.engine.calls[0].params == SamplingParams(temperature=0.6, top_p=0.95, max_tokens=None)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_both_names_of_the_length(ask, name):
    asked = ask()
    asked.chat(**{name: 5})
    assert asked.engine.calls[0].params.max_tokens == 5


def test_stop_string_is_cut_and_named(ask):
    asked = ask("t</think>one two three")
    (choice,) = asked.chat(stop="two").json()["choices"]
    assert (choice["message"]["content"], choice["finish_reason"], choice["stop_reason"]) == ("one ", "stop", "two")
    chunks = asked.stream(stop=["e t", "two"], stream_options={"include_usage": True})
    assert joined(chunks, "content") == "on"
    assert chunks[-2]["choices"][0]["stop_reason"] == "e t"
    assert chunks[-1]["usage"]["completion_tokens"] == len(ids_of("t</think>one t"))
    assert asked.engine.open_ids == set()


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_effort": "none"},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"chat_template_kwargs": {"thinking": False}},
    ],
)
def test_thinking_off(ask, fields):
    asked = ask("Answer.")
    body = asked.chat(**fields).json()
    assert asked.engine.calls[0].prompt == list(CHAT_TEMPLATE.encode([USER], thinking=False).token_ids)
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "Answer.", "reasoning_content": None}
    assert body["usage"]["completion_tokens_details"] == {"reasoning_tokens": 0}


@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high", "max"])
def test_any_other_effort_thinks(ask, effort):
    asked = ask()
    asked.chat(reasoning_effort=effort)
    assert asked.engine.calls[0].prompt == list(PROMPT)


def test_earlier_thoughts_do_not_return(ask):
    asked = ask()
    answer = {"role": "assistant", "content": "<think>x</think>yes", "reasoning_content": "secret"}
    asked.post("/v1/chat/completions", {"messages": [USER, answer, USER]})
    assert "secret" not in TOKENIZER.decode(asked.engine.calls[0].prompt)
    assert "x" not in TOKENIZER.decode(asked.engine.calls[0].prompt)


def test_continue_final_message(ask):
    asked = ask(" is six.")
    messages = [USER, {"role": "assistant", "content": "Two times three"}]
    body = asked.post("/v1/chat/completions", {"messages": messages, "continue_final_message": True}).json()
    assert TOKENIZER.decode(asked.engine.calls[0].prompt).endswith("Two times three")
    assert body["choices"][0]["message"]["content"] == " is six."


def test_parts_of_text_are_joined(ask):
    asked = ask()
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert asked.post("/v1/chat/completions", {"messages": [{"role": "user", "content": parts}]}).status_code == 200


def test_special_tokens_shown_on_request(ask):
    message = ask("</think>A").chat(skip_special_tokens=False, ignore_eos=True, max_tokens=2).json()
    assert message["choices"][0]["message"]["content"] == "A"


def test_model_repeats_the_think_tag(ask):
    message = ask("<think>\nHm.</think>A").chat().json()["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("Hm.", "A")
    assert (THINK, END_THINK) == (260, 261)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "alien", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0]"),
        ({"n": 0}, "n"),
        ({"n": 65}, "n"),
        ({"n": "2"}, "n"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"max_completion_tokens": 1, "max_tokens": 2}, "max_completion_tokens"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"stop": 3}, "stop"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"reasoning_effort": "some"}, "reasoning_effort"),
        ({"continue_final_message": True}, "continue_final_message"),
        ({"cache_salt": "x" * 257}, "cache_salt"),
    ],
)
def test_wrong_fields_are_named(ask, fields, param):
    asked = ask()
    response = asked.chat(**fields)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("BadRequestError", param, 400)
    assert asked.engine.calls == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"structured_outputs": {"structural_tag": "{}"}}, "structured_outputs"),
        ({"best_of": 2}, "best_of"),
        ({"chat_template": "{{ 1 }}"}, "chat_template"),
    ],
)
def test_missing_features_are_refused_by_name(ask, fields, param):
    response = ask().chat(**fields)
    assert response.status_code == 501
    assert response.json()["error"]["type"] == "NotImplementedError"
    assert response.json()["error"]["param"] == param


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "text"}},
        {"tool_choice": "auto"},
        {"tools": [], "best_of": 1, "bad_words": [], "priority": 0},
        {"user": "u", "metadata": {"k": "v"}},
    ],
)
def test_fields_that_ask_for_nothing_pass(ask, fields, caplog):
    assert ask().chat(**fields).status_code == 200
    assert "unknown request field" not in caplog.text


def test_whose_turn_it_is_reaches_the_engine(ask):
    """On the wire a lower priority is sooner, as in vLLM; in the engine a higher one is."""
    asked = ask()
    asked.chat(user="u", priority=-3, timeout=2.5)
    asked.chat()
    assert [(call.tenant, call.priority, call.timeout) for call in asked.engine.calls] == [("u", 3, 2.5), ("", 0, None)]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"priority": 101}, "priority"),
        ({"priority": True}, "priority"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 90000}, "timeout"),
        ({"user": "u" * 257}, "user"),
    ],
)
def test_turns_are_bounded(ask, fields, param):
    response = ask().chat(**fields)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_unknown_fields_are_accepted_and_logged_without_their_values(ask, caplog):
    assert ask().chat(**{"novel_field": "secret", "bad\nname": 1}).status_code == 200
    (record,) = [record for record in caplog.records if "unknown" in record.getMessage()]
    assert "novel_field" in record.getMessage()
    assert "secret" not in record.getMessage()
    assert "\n" not in record.getMessage()


def test_unknown_model(ask):
    asked = ask(served_model_name="r1", aliases=("gpt-4",))
    response = asked.chat(model="other")
    assert response.status_code == 404
    assert response.json()["error"] == {
        "message": "This server has no model of that name (use r1)",
        "type": "NotFoundError",
        "param": "model",
        "code": 404,
    }
    assert asked.chat(model="gpt-4").json()["model"] == "gpt-4"
    assert asked.chat().json()["model"] == "r1"
