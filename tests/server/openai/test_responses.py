"""`POST /v1/responses`: items, events in their order, what is said of the request, what is refused."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.engine.outputs import EngineOutput, FinishReason
from sampan.engine.structured import StructuredOutputsParams
from sampan.text.tool_syntax import show_calls
from scripted_engine import CHAT_TEMPLATE, TOKENIZER, ScriptedEngine, ids_of

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"type": "function", "name": "get_weather", "parameters": SCHEMA}, {"type": "function", "name": "f"}]
CALLS = [("get_weather", '{"city": "杭州"}'), ("f", "{}")]
RAW = f"Thought.\n</think>\n\nI look.\n{show_calls(CALLS)}"


def respond(asked, **fields):
    response = asked.post("/v1/responses", {"input": "hi", **fields})
    assert response.status_code == 200, response.text
    return response.json()


def stream(asked, **fields):
    """The events, whose names and numbers must be right."""
    response = asked.post("/v1/responses", {"input": "hi", "stream": True, **fields})
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, end = response.text.split("\n\n")
    assert end == ""
    parsed = []
    for number, event in enumerate(events):
        name, data = event.split("\n")
        parsed.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {parsed[-1]['type']}"
        assert parsed[-1]["sequence_number"] == number
    return parsed


def without_ids(value):
    if isinstance(value, dict):
        return {key: without_ids(item) for key, item in value.items() if key not in ("id", "call_id", "item_id")}
    return [without_ids(item) for item in value] if isinstance(value, list) else value


def comparable(response):
    return without_ids({key: value for key, value in response.items() if key not in ("created_at", "completed_at")})


def test_whole_response(ask):
    raw = "Hm.</think>\n\n杭州。"
    body = respond(ask(raw), metadata={"k": "v"}, instructions="Be brief.", store=True)
    prompt = CHAT_TEMPLATE.encode([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}])
    assert re.fullmatch("resp_[0-9a-f]{32}", body.pop("id"))
    assert body.pop("created_at") <= body.pop("completed_at")
    reasoning, message = body.pop("output")
    assert re.fullmatch("rs_[0-9a-f]{32}", reasoning.pop("id"))
    assert re.fullmatch("msg_[0-9a-f]{32}", message.pop("id"))
    thought = [{"type": "reasoning_text", "text": "Hm."}]
    assert reasoning == {"type": "reasoning", "summary": [], "content": thought, "status": "completed"}
    said = [{"type": "output_text", "text": "杭州。", "annotations": []}]
    assert message == {"type": "message", "role": "assistant", "content": said, "status": "completed"}
    assert body == {
        "object": "response",
        "model": "sampan-tiny",
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": "Be brief.",
        "max_output_tokens": None,
        "metadata": {"k": "v"},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": 0.6,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 0.95,
        "truncation": "disabled",
        "usage": {
            "input_tokens": len(prompt.token_ids),
            "input_tokens_details": {"cached_tokens": 16, "cache_write_tokens": 0},
            "output_tokens": len(ids_of(raw)) + 1,
            "output_tokens_details": {"reasoning_tokens": len(ids_of("Hm.</think>"))},
            "total_tokens": len(prompt.token_ids) + len(ids_of(raw)) + 1,
        },
        "user": None,
    }


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_events_in_their_order(ask, step):
    events = stream(ask(engine=ScriptedEngine([RAW], step=step)), tools=TOOLS)
    kinds = [event["type"].removeprefix("response.") for event in events]
    once = [kind for index, kind in enumerate(kinds) if kind != kinds[index - 1] or not kind.endswith("delta")]
    text = ["output_item.added", "content_part.added", "{}.delta", "{}.done", "content_part.done", "output_item.done"]
    call = "function_call_arguments"
    assert once == [
        *("created", "in_progress"),
        *[kind.format("reasoning_text") for kind in text],
        *[kind.format("output_text") for kind in text],
        *["output_item.added", f"{call}.delta", f"{call}.done", "output_item.done"] * 2,
        "completed",
    ]
    response = events[-1]["response"]
    assert [item["type"] for item in response["output"]] == ["reasoning", "message", "function_call", "function_call"]
    assert [event["response"]["status"] for event in events[:2]] == ["in_progress"] * 2
    assert {event["response"]["id"] for event in (*events[:2], events[-1])} == {response["id"]}
    for index, item in enumerate(response["output"]):
        own = [event for event in events if event.get("output_index") == index]
        assert {event["item_id"] for event in own if "item_id" in event} == {item["id"]}
        assert own[0]["item"] == {**item, "status": "in_progress", **({"content": []} if "content" in item else {})} | (
            {"arguments": ""} if item["type"] == "function_call" else {}
        )
        assert own[-1]["item"] == item
        whole = item["arguments"] if "arguments" in item else item["content"][0]["text"]
        assert "".join(event["delta"] for event in own if "delta" in event) == whole
        (done,) = [event for event in own if event["type"].endswith((".text.done", "_text.done", "arguments.done"))]
        assert done.get("text", done.get("arguments")) == whole
    calls = [(item["name"], item["arguments"]) for item in response["output"][2:]]
    assert calls == CALLS
    assert all(re.fullmatch("call_[0-9a-f]{24}", item["call_id"]) for item in response["output"][2:])


PIECES = st.sampled_from(["I look. ", "\n", "</think>", show_calls(CALLS), "<｜tool", "字", show_calls([("no", "{}")])])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(PIECES, max_size=8).map("".join),
    step=st.integers(1, 9),
    limit=st.one_of(st.none(), st.integers(1, 300)),
    tools=st.sampled_from([[], TOOLS]),
)
def test_stream_equals_whole(ask, text, step, limit, tools):
    asked = ask(engine=ScriptedEngine([text], step=step))
    fields = {"tools": tools, "max_output_tokens": limit}
    assert comparable(stream(asked, **fields)[-1]["response"]) == comparable(respond(asked, **fields))


def test_cut_responses_say_so(ask):
    asked = ask("Thought.</think>Answer.")
    body = respond(asked, max_output_tokens=4)
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    (item,) = body["output"]
    assert (item["type"], item["status"], item["content"][0]["text"]) == ("reasoning", "incomplete", "Thou")
    assert body["usage"]["output_tokens_details"] == {"reasoning_tokens": 4}
    *_, last = stream(asked, max_output_tokens=12)
    assert last["type"] == "response.incomplete"
    assert [item["status"] for item in last["response"]["output"]] == ["completed", "incomplete"]


def test_an_answer_of_nothing_is_an_empty_message(ask):
    (_, message) = respond(ask("Thought.</think>"))["output"]
    assert message["content"] == [{"type": "output_text", "text": "", "annotations": []}]
    (message,) = respond(ask(""), reasoning={"effort": "none"})["output"]
    assert message["type"] == "message"


def test_logprobs(ask):
    asked = ask("é</think>AB")
    fields = {"include": ["message.output_text.logprobs"], "top_logprobs": 1}
    (_, message) = respond(asked, **fields)["output"]
    entries = message["content"][0]["logprobs"]
    assert [entry["token"] for entry in entries[:2]] == ["A", "B"]
    assert [len(entry["top_logprobs"]) for entry in entries] == [1, 1, 1]
    events = stream(asked, **fields)
    deltas = [event["logprobs"] for event in events if event["type"] == "response.output_text.delta"]
    assert [entry for part in deltas for entry in part] == entries
    assert events[-1]["response"]["output"][1]["content"] == message["content"]


def test_a_failure_on_the_way_is_the_last_event(ask):
    broken = EngineOutput("", (), (), FinishReason.ERROR, "nan")
    events = stream(ask(engine=ScriptedEngine(["Thought.</think>Answer."], last=broken, fail_after=3)))
    assert events[-1]["type"] == "response.failed"
    response = events[-1]["response"]
    assert response["error"] == {"code": "server_error", "message": "The engine failed while it worked on this request"}
    assert response["status"] == "failed"
    assert response["output"][0]["content"][0]["text"] == "Tho"


def prompt_of(asked):
    return TOKENIZER.decode(asked.engine.calls[-1].prompt, skip_special_tokens=False)


def test_input_items_are_the_conversation(ask):
    asked = ask()
    parts = [{"type": "input_text", "text": "How "}, {"type": "input_text", "text": "warm?"}]
    items = [
        {"role": "user", "content": parts},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "secret"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call", "call_id": "call_2", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "31"},
        {"type": "function_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "32"}]},
    ]
    respond(asked, input=items, instructions="Be brief.")
    calls = [{"function": {"name": name, "arguments": "{}"}} for name in ("get_weather", "f")]
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How \nwarm?"},
        {"role": "assistant", "content": "I look.", "tool_calls": calls},
        {"role": "tool", "content": "31"},
        {"role": "tool", "content": "32"},
    ]
    assert asked.engine.calls[0].prompt == list(CHAT_TEMPLATE.encode(messages).token_ids)
    assert "secret" not in prompt_of(asked)


def test_what_comes_out_can_go_in_again(ask):
    asked = ask(RAW, "</think>31.")
    output = respond(asked, tools=TOOLS)["output"]
    result = {"type": "function_call_output", "call_id": output[-2]["call_id"], "output": "31"}
    body = respond(asked, tools=TOOLS, input=[{"role": "user", "content": "hi"}, *output, result])
    assert body["output"][-1]["content"][0]["text"] == "31."
    assert "I look.<｜tool▁calls▁begin｜>" in prompt_of(asked)
    assert prompt_of(asked).endswith("31<｜tool▁output▁end｜><｜tool▁outputs▁end｜><think>\n")


def test_fields_reach_the_engine(ask):
    asked = ask()
    fields = {"temperature": 0.3, "top_p": 0.5, "max_output_tokens": 9, "seed": 5, "top_k": 3, "thinking_budget": 4}
    body = respond(asked, **fields, reasoning={"effort": "none"}, user="u", cache_salt="s")
    call = asked.engine.calls[0]
    assert call.prompt == list(CHAT_TEMPLATE.encode([{"role": "user", "content": "hi"}], thinking=False).token_ids)
    params = call.params
    assert (params.temperature, params.top_p, params.max_tokens, params.seed, params.top_k) == (0.3, 0.5, 9, 5, 3)
    assert (params.thinking_token_budget, call.tenant, call.cache_salt) == (4, "u", "s")
    assert (body["temperature"], body["top_p"], body["max_output_tokens"]) == (0.3, 0.5, 9)
    assert body["reasoning"] == {"effort": "none", "summary": None}


def test_structured_text(ask):
    asked = ask()
    wanted = {"type": "json_schema", "name": "city", "schema": SCHEMA, "strict": True}
    body = respond(asked, text={"format": wanted, "verbosity": "low"})
    assert body["text"] == {"format": wanted, "verbosity": "low"}
    assert asked.engine.calls[0].params.structured_outputs == StructuredOutputsParams(json=SCHEMA)
    respond(asked, text={"format": {"type": "json_object"}})
    assert asked.engine.calls[1].params.structured_outputs == StructuredOutputsParams(json_object=True)


@pytest.mark.parametrize(
    ("choice", "absent"),
    [
        ("required", None),
        ({"type": "function", "name": "f"}, "get_weather"),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}, "get_weather"),
    ],
)
def test_calls_that_must_come(ask, choice, absent):
    asked = ask()
    body = respond(asked, tools=TOOLS, tool_choice=choice)
    assert (body["tools"], body["tool_choice"]) == (TOOLS, choice)
    grammar = asked.engine.calls[0].params.structured_outputs.grammar
    assert grammar.startswith("start: calls\n")
    assert absent is None or absent not in grammar


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"input": None}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, 400, "input"),
        ({"input": [{"role": "alien", "content": "x"}]}, 400, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, 400, "input"),
        ({"input": [{"type": "function_call", "name": "f"}]}, 400, "input"),
        ({"input": [{"role": "user", "content": "x"}] * 4097}, 400, "input"),
        ({"previous_response_id": "resp_1"}, 400, "previous_response_id"),
        ({"conversation": "conv_1"}, 400, "conversation"),
        ({"background": True}, 501, "background"),
        ({"truncation": "auto"}, 501, "truncation"),
        ({"prompt": {"id": "pmpt_1"}}, 400, "prompt"),
        ({"max_output_tokens": 0}, 400, "max_output_tokens"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, 400, "text"),
        ({"tools": [{"type": "web_search"}]}, 400, "tools"),
        ({"tool_choice": "required"}, 400, "tool_choice"),
        ({"reasoning": {"effort": "some"}}, 400, "reasoning"),
        ({"temperature": 101}, 400, "temperature"),
        ({"model": "gpt-4"}, 404, "model"),
        ({"metadata": {"k": 1}}, 400, "metadata"),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_wrong_fields_are_named(ask, fields, status, param, streams):
    asked = ask()
    response = asked.post("/v1/responses", {"input": "hi", "stream": streams, **fields})
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
    assert asked.engine.calls == []
