"""Tool calls over chat: what the model is told, what answers become, what is constrained, what is refused."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.engine.structured.grammar import to_grammar
from sampan.text.tool_syntax import CALLS_BEGIN, show_calls
from scripted_engine import CHAT_TEMPLATE, TOKENIZER, ScriptedEngine, ids_of

USER = {"role": "user", "content": "hi"}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "get_weather", "description": "How warm it is.", "parameters": PARAMETERS}
TIME = {"name": "get_time"}
TOOLS = [{"type": "function", "function": WEATHER}, {"type": "function", "function": TIME}]
CALLS = [("get_weather", '{"city": "杭州"}'), ("get_time", "{}")]
RAW = f"Thought.\n</think>\n\nI look.\n{show_calls(CALLS)}"


def named(name):
    return {"type": "function", "function": {"name": name}}


def streamed(chunks, index=0):
    """The message that a client builds from a stream, ids left out, and its finish reason."""
    content, calls, reasons = "", [], []
    for choice in (choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index):
        content += choice["delta"].get("content") or ""
        for call in choice["delta"].get("tool_calls", ()):
            if "id" in call:
                assert call["index"] == len(calls)
                assert call["type"] == "function"
                calls.append([call["function"]["name"], ""])
            calls[call["index"]][1] += call["function"]["arguments"]
        reasons += [choice["finish_reason"]] if choice["finish_reason"] else []
    (reason,) = reasons
    return content, [tuple(call) for call in calls], reason


def whole(body, index=0):
    choice = body["choices"][index]
    calls = choice["message"].get("tool_calls", ())
    shown = [(call["function"]["name"], call["function"]["arguments"]) for call in calls]
    return choice["message"]["content"] or "", shown, choice["finish_reason"]


def test_whole_answer_with_calls(ask):
    body = ask(RAW).chat(tools=TOOLS).json()
    (choice,) = body["choices"]
    ids = [call.pop("id") for call in choice["message"]["tool_calls"]]
    assert all(re.fullmatch("call_[0-9a-f]{24}", call_id) for call_id in ids)
    assert len(set(ids)) == 2
    assert choice["message"] == {
        "role": "assistant",
        "content": "I look.",
        "reasoning_content": "Thought.\n",
        "tool_calls": [
            {"type": "function", "function": {"name": name, "arguments": arguments}} for name, arguments in CALLS
        ],
    }
    assert choice["finish_reason"] == "tool_calls"
    assert ask(f"</think>{show_calls(CALLS)}").chat(tools=TOOLS).json()["choices"][0]["message"]["content"] is None


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_stream_brings_names_first_and_arguments_in_pieces(ask, step):
    chunks = ask(engine=ScriptedEngine([RAW], step=step)).stream(tools=TOOLS)
    assert streamed(chunks) == ("I look.", CALLS, "tool_calls")
    pieces = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert [sorted(piece["function"]) for piece in pieces if "id" in piece] == [["arguments", "name"]] * 2
    assert [sorted(piece["function"]) for piece in pieces if "id" not in piece] == [["arguments"]] * (len(pieces) - 2)
    if step == 1:
        assert len(pieces) == 2 + len('"city": "杭州"}'.encode()) - 4 + 1  # one a character


def test_without_tools_the_text_stays(ask):
    for fields in ({}, {"tools": []}, {"tools": TOOLS, "tool_choice": "none"}):
        asked = ask(RAW)
        (choice,) = asked.chat(**fields).json()["choices"]
        assert choice["message"]["content"] == RAW.rpartition("</think>\n\n")[2]
        assert "tool_calls" not in choice["message"]
        assert choice["finish_reason"] == "stop"
        assert asked.engine.calls[0].prompt == list(CHAT_TEMPLATE.encode([USER]).token_ids)


def test_what_is_no_call_stays_text(ask):
    text = f"{CALLS_BEGIN} {show_calls([('other', '{}')])}"
    body = ask(f"</think>{text}").chat(tools=TOOLS).json()
    assert whole(body) == (text, [], "stop")


def test_a_cut_call_is_given_as_far_as_it_came(ask):
    fields = {"tools": TOOLS, "max_tokens": len(ids_of(RAW[: RAW.index("杭")]))}
    asked = ask(RAW)
    content, calls, reason = whole(asked.chat(**fields).json())
    assert (content, calls, reason) == ("I look.", [("get_weather", '{"city": "')], "length")
    assert streamed(asked.stream(**fields)) == (content, calls, reason)


def test_one_call_at_most(ask):
    asked = ask(RAW)
    fields = {"tools": TOOLS, "parallel_tool_calls": False}
    assert whole(asked.chat(**fields).json()) == ("I look.", CALLS[:1], "tool_calls")
    assert streamed(asked.stream(**fields)) == ("I look.", CALLS[:1], "tool_calls")


def test_each_choice_has_calls_of_its_own(ask):
    other = f"</think>{show_calls(CALLS[1:])}"
    body = ask(RAW, other).chat(tools=TOOLS, n=2).json()
    assert [whole(body, index) for index in (0, 1)] == [("I look.", CALLS, "tool_calls"), ("", CALLS[1:], "tool_calls")]
    chunks = ask(RAW, other).stream(tools=TOOLS, n=2)
    assert [streamed(chunks, index) for index in (0, 1)] == [whole(body, index) for index in (0, 1)]


@pytest.mark.parametrize("tokens", [{}, {"max_tokens": 30}])
def test_logprobs_and_usage_count_the_calls(ask, tokens):
    asked = ask(RAW)
    body = asked.chat(tools=TOOLS, logprobs=True, **tokens).json()
    *chunks, usage = asked.stream(tools=TOOLS, logprobs=True, stream_options={"include_usage": True}, **tokens)
    entries = body["choices"][0]["logprobs"]["content"]
    parts = [chunk["choices"][0]["logprobs"] for chunk in chunks]
    assert [entry for part in parts if part for entry in part["content"]] == entries
    assert len(entries) == body["usage"]["completion_tokens"]
    assert usage["usage"] == body["usage"]


def test_functions_as_before_there_were_tools(ask):
    asked = ask(RAW)
    fields = {"functions": [WEATHER, TIME], "function_call": "auto"}
    (choice,) = asked.chat(**fields).json()["choices"]
    assert choice["message"]["function_call"] == {"name": "get_weather", "arguments": CALLS[0][1]}
    assert choice["finish_reason"] == "function_call"
    chunks = asked.stream(**fields)
    deltas = [chunk["choices"][0]["delta"].get("function_call") for chunk in chunks]
    name, *pieces = filter(None, deltas)
    assert name["name"] == "get_weather"
    assert name["arguments"] + "".join(piece["arguments"] for piece in pieces) == CALLS[0][1]
    assert chunks[-1]["choices"][0]["finish_reason"] == "function_call"
    asked.chat(functions=[WEATHER, TIME], function_call={"name": "get_time"})
    grammar = asked.engine.calls[-1].params.structured_outputs.grammar
    assert "get_time" in grammar
    assert "get_weather" not in grammar


def test_the_model_is_told_of_tools_and_earlier_calls(ask):
    asked = ask()
    calls = [{"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}]
    messages = [
        {"role": "developer", "content": "Be brief."},
        USER,
        {"role": "assistant", "content": "I look.", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_1", "content": "noon"},
    ]
    asked.post("/v1/chat/completions", {"messages": messages, "tools": TOOLS})
    text = TOKENIZER.decode(asked.engine.calls[0].prompt, skip_special_tokens=False)
    described = {name: WEATHER[name] for name in ("name", "description", "parameters")}
    assert "Be brief.\n\n" in text
    assert f"\n\n{json.dumps(described)}\n{json.dumps(TIME)}\n\n" in text
    assert "I look.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_time\n```json\n{}\n```" in text
    assert text.endswith("<｜tool▁output▁begin｜>noon<｜tool▁output▁end｜><｜tool▁outputs▁end｜><think>\n")


def grammar_of(ask, **fields):
    asked = ask()
    assert asked.chat(tools=TOOLS, **fields).status_code == 200
    wanted = asked.engine.calls[0].params.structured_outputs
    if wanted is not None:
        to_grammar(wanted)  # it is well formed
    return None if wanted is None else wanted.grammar


def test_what_is_constrained(ask):
    assert grammar_of(ask) is None
    assert grammar_of(ask, tool_choice="auto") is None
    required = grammar_of(ask, tool_choice="required")
    assert required.startswith(f'start: calls\ncalls: "{CALLS_BEGIN}" call ("\\n" call){{0,31}} ')
    assert "get_weather" in required
    assert "get_time" in required
    assert " ANYTHING" not in required
    one = grammar_of(ask, tool_choice=named("get_time"))
    assert "get_weather" not in one
    assert "call)" not in one
    assert "call)" not in grammar_of(ask, tool_choice="required", parallel_tool_calls=False)
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named("get_weather")]}}
    assert "get_time" not in grammar_of(ask, tool_choice=allowed)
    allowed["allowed_tools"]["mode"] = "auto"
    assert grammar_of(ask, tool_choice=allowed) is None
    schema = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": PARAMETERS}}}
    assert grammar_of(ask, **schema).startswith('start: calls | %json {"type": "object", "properties": ')
    assert grammar_of(ask, response_format={"type": "json_object"}).startswith(
        'start: calls | %json {"type": "object",'
    )
    assert grammar_of(ask, tool_choice="required", **schema).startswith("start: calls\n")


def test_strict_functions_are_constrained_where_they_are_called(ask):
    asked = ask()
    strict = [{"type": "function", "function": {**WEATHER, "strict": True}}]
    asked.chat(tools=strict)
    assert asked.engine.calls[0].params.structured_outputs.grammar.startswith("start: ANYTHING | begun call")


def test_another_constraint_leaves_no_room_for_calls(ask):
    asked = ask()
    asked.chat(tools=TOOLS, guided_regex="a+")
    assert asked.engine.calls[0].params.structured_outputs.regex == "a+"
    response = asked.chat(tools=TOOLS, guided_regex="a+", tool_choice="required")
    assert (response.status_code, response.json()["error"]["param"]) == (400, "tool_choice")


NO_TOOLS = {"mode": "auto", "tools": []}
DEEP: dict[str, object] = {}
for _ in range(70):
    DEEP = {"type": "object", "properties": {"x": DEEP}}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": "get_weather"}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "x" * 65}}]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "<｜User｜>"}}]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}, "tools"),
        ({"tools": TOOLS * 65}, "tools"),
        ({"tools": TOOLS * 2}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": DEEP}}]}, "messages"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": named("f")}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": named("f")}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": "always"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "allowed_tools", "allowed_tools": NO_TOOLS}}, "tool_choice"),
        ({"tools": TOOLS, "functions": [WEATHER]}, "functions"),
        ({"functions": [WEATHER], "function_call": {"name": "f"}}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}]}, "tools"),
    ],
)
def test_wrong_tools_are_named(ask, fields, param):
    asked = ask()
    choice = {} if "tool_choice" in fields or "functions" in fields else {"tool_choice": "required"}
    response = asked.chat(**{**choice, **fields})
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert asked.engine.calls == []


PIECES = st.sampled_from(
    ["I look. ", "\n", "</think>", show_calls(CALLS), CALLS_BEGIN, "<｜tool", "字", show_calls([("no", "{}")])]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(PIECES, max_size=8).map("".join),
    step=st.integers(1, 9),
    max_tokens=st.one_of(st.none(), st.integers(1, 300)),
    thinking=st.booleans(),
    reasoning_format=st.sampled_from(["reasoning_content", "none"]),
)
def test_stream_equals_whole(ask, text, step, max_tokens, thinking, reasoning_format):
    asked = ask(engine=ScriptedEngine([text], step=step), reasoning_format=reasoning_format)
    fields = {"tools": TOOLS, "max_tokens": max_tokens, "reasoning_effort": None if thinking else "none"}
    assert streamed(asked.stream(**fields)) == whole(asked.chat(**fields).json())
