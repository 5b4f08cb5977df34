"""`POST /v1/messages`: exact bodies, exact events."""

from __future__ import annotations

import json

import pytest

from sampan import errors
from sampan.text.tool_syntax import ARGUMENTS_BEGIN, ARGUMENTS_END, CALL_HEAD, CALLS_BEGIN, CALLS_END
from scripted_engine import CHAT_TEMPLATE, ScriptedEngine, ids_of

ANSWER = "Thought.\n</think>\n\nAnswer."
ENABLED = {"type": "enabled", "budget_tokens": 1024}
FIELDS = {"model": "sampan-tiny", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}


def ask_message(asked, **fields):
    return asked.post("/v1/messages", {**FIELDS, **fields})


def events_of(asked, **fields):
    """The events of a stream, whose names must be their types."""
    response = ask_message(asked, stream=True, **fields)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, end = response.text.split("\n\n")
    assert end == ""
    parsed = []
    for event in events:
        name, data = event.split("\n")
        parsed.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {parsed[-1]['type']}"
    return parsed


def prompt_of(messages, **options):
    return list(CHAT_TEMPLATE.encode(messages, **options).token_ids)


def test_the_whole_message(ask):
    response = ask_message(ask(ANSWER), thinking=ENABLED)
    body = response.json()
    assert response.headers["request-id"] == response.headers["x-request-id"]
    assert body.pop("id").startswith("msg_")
    signature = body["content"][0].pop("signature")
    assert len(signature) == 44
    num_prompt = len(prompt_of(FIELDS["messages"]))
    assert body == {
        "type": "message",
        "role": "assistant",
        "model": "sampan-tiny",
        "content": [{"type": "thinking", "thinking": "Thought.\n"}, {"type": "text", "text": "Answer."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": num_prompt - 16,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 16,
            "output_tokens": len(ids_of(ANSWER)) + 1,
            "output_tokens_details": {"thinking_tokens": len(ids_of("Thought.\n</think>"))},
        },
    }


def test_the_events_in_order(ask):
    asked = ask(engine=ScriptedEngine(["Hm.</think>So."], step=3))
    start, *middle, delta, stop = events_of(asked, thinking=ENABLED)
    whole = ask_message(ask("Hm.</think>So."), thinking=ENABLED).json()
    message = start.pop("message")
    assert start == {"type": "message_start"}
    assert message.pop("id").startswith("msg_")
    assert message == {
        "type": "message",
        "role": "assistant",
        "model": "sampan-tiny",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": len(prompt_of(FIELDS["messages"])),
            "output_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }
    thinking, text = (dict(block) for block in whole["content"])
    assert middle == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "signature_delta", "signature": thinking["signature"]},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "So"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "."}},
        {"type": "content_block_stop", "index": 1},
    ]
    assert (thinking["thinking"], text["text"]) == ("Hm.", "So.")
    stop_fields = {"stop_reason": "end_turn", "stop_sequence": None}
    assert delta == {"type": "message_delta", "delta": stop_fields, "usage": whole["usage"]}
    assert stop == {"type": "message_stop"}


@pytest.mark.parametrize("thinking", [None, {"type": "disabled"}])
def test_a_thought_that_nobody_asked_for_is_not_shown(ask, thinking):
    fields = {} if thinking is None else {"thinking": thinking}
    answer = ANSWER if thinking is None else "Answer."
    assert ask_message(ask(answer), **fields).json()["content"] == [{"type": "text", "text": "Answer."}]
    asked = ask(answer)
    kinds = [event["type"] for event in events_of(asked, **fields)]
    assert kinds[:2] == ["message_start", "content_block_start"]
    is_thinking = thinking is None
    assert asked.engine.calls[0].prompt == prompt_of(FIELDS["messages"], thinking=is_thinking)


def test_an_omitted_thought_has_a_signature_only(ask):
    shown = ask_message(ask(ANSWER), thinking={"type": "adaptive"}).json()["content"]
    omitted = ask_message(ask(ANSWER), thinking={"type": "adaptive", "display": "omitted"}).json()["content"]
    assert omitted == [{**shown[0], "thinking": ""}, shown[1]]
    events = events_of(ask(ANSWER), thinking={"type": "adaptive", "display": "omitted"})
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert deltas[0] == {"type": "signature_delta", "signature": shown[0]["signature"]}


@pytest.mark.parametrize("thinking", [None, ENABLED])
def test_cut_within_the_thought(ask, thinking):
    fields = {"max_tokens": 5} | ({"thinking": thinking} if thinking else {})
    body = ask_message(ask(ANSWER), **fields).json()
    assert body["stop_reason"] == "max_tokens"
    kinds = [block["type"] for block in body["content"]]
    assert kinds == (["thinking"] if thinking else ["text"])
    events = events_of(ask(ANSWER), **fields)
    starts = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert starts == kinds


def test_stop_sequences_are_named(ask):
    body = ask_message(ask("</think>one two"), stop_sequences=[" t", "x"]).json()
    assert body["content"] == [{"type": "text", "text": "one"}]
    assert (body["stop_reason"], body["stop_sequence"]) == ("stop_sequence", " t")


def test_fields_reach_the_engine(ask):
    asked = ask()
    ask_message(
        asked,
        temperature=0.5,
        top_p=0.9,
        top_k=7,
        thinking={"type": "enabled", "budget_tokens": 40},
        metadata={"user_id": "u" * 300},
        output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}},
    )
    (call,) = asked.engine.calls
    params = call.params
    assert (params.max_tokens, params.temperature, params.top_p, params.top_k) == (100, 0.5, 0.9, 7)
    assert params.thinking_token_budget == 40
    assert params.structured_outputs.json == '{"type":"object"}'
    assert call.tenant == "u" * 256


def test_blocks_become_the_messages_of_the_template(ask):
    asked = ask()
    response = ask_message(
        asked,
        system=[
            {"type": "text", "text": "One.", "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": "2"},
        ],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "x"},
                    {"type": "redacted_thinking", "data": "x"},
                    {"type": "text", "text": "c"},
                ],
            },
            {"role": "user", "content": "d"},
        ],
        context_management={"edits": []},
        betas=["x"],
    )
    assert response.status_code == 200
    assert asked.engine.calls[0].prompt == prompt_of(
        [
            {"role": "system", "content": "One.\n2"},
            {"role": "user", "content": "a\nb"},
            {"role": "assistant", "content": "c"},
            {"role": "user", "content": "d"},
        ]
    )


def test_an_assistant_s_last_turn_is_gone_on_with(ask):
    asked = ask(" blue.")
    messages = [*FIELDS["messages"], {"role": "assistant", "content": "The sky is"}]
    assert ask_message(asked, messages=messages).json()["content"] == [{"type": "text", "text": " blue."}]
    assert asked.engine.calls[0].prompt == prompt_of(messages, continue_final_message=True)


def test_count_tokens(ask):
    asked = ask()
    fields = {"model": "sampan-tiny", "system": "s", "messages": FIELDS["messages"]}
    num_tokens = len(prompt_of([{"role": "system", "content": "s"}, *FIELDS["messages"]]))
    assert asked.post("/v1/messages/count_tokens", fields).json() == {"input_tokens": num_tokens}
    assert asked.engine.calls == []


@pytest.mark.parametrize(
    ("fields", "status", "type_", "message"),
    [
        ({"max_tokens": None}, 400, "invalid_request_error", "max_tokens: Input should be a valid integer"),
        ({"max_tokens": 0}, 400, "invalid_request_error", "max_tokens: Input should be greater than or equal to 1"),
        ({"model": "claude"}, 404, "not_found_error", "This server has no model of that name (use sampan-tiny)"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
            400,
            "invalid_request_error",
            "messages[0]: this model reads blocks of text, thinking, tool_use and tool_result only",
        ),
        (
            {"thinking": {"type": "enabled"}},
            400,
            "invalid_request_error",
            "thinking: Field required",
        ),
    ],
)
def test_errors_have_anthropic_s_shape(ask, fields, status, type_, message):
    response = ask_message(ask(), **fields)
    assert response.status_code == status
    request_id = response.headers["request-id"]
    assert response.json() == {
        "type": "error",
        "error": {"type": type_, "message": message},
        "request_id": request_id,
    }


def test_an_error_after_the_beginning_is_the_last_event(ask):
    asked = ask(engine=ScriptedEngine(["Thought"], failure=errors.EngineError("secret"), fail_after=3))
    *_, last = events_of(asked, thinking=ENABLED)
    assert last["type"] == "error"
    assert last["error"] == {
        "type": "api_error",
        "message": "The engine failed while it worked on this request",
    }
    assert asked.engine.open_ids == set()


def test_silence_is_broken_by_pings(ask):
    asked = ask(engine=ScriptedEngine(["</think>x"], delay=0.2), ping_interval_seconds=0.05)
    events = events_of(asked)
    assert {"type": "ping"} in events
    assert events[-1] == {"type": "message_stop"}


# ---- tools ----------------------------------------------------------------------------------------------------------

TOOLS = [{"name": "weather", "description": "How it is.", "input_schema": {"type": "object"}}]
FUNCTION = {"name": "weather", "description": "How it is.", "parameters": {"type": "object"}}


def calls_text(*arguments):
    calls = "\n".join(f"{CALL_HEAD}weather{ARGUMENTS_BEGIN}{text}{ARGUMENTS_END}" for text in arguments)
    return f"{CALLS_BEGIN}{calls}{CALLS_END}"


def test_tool_calls_are_blocks(ask):
    asked = ask("Hm.</think>Let me look." + calls_text('{"city": "东京"}', "{}"))
    body = ask_message(asked, tools=TOOLS, max_tokens=500).json()
    ids = [block.pop("id") for block in body["content"][1:]]
    assert len(set(ids)) == 2
    assert all(call_id.startswith("toolu_") for call_id in ids)
    assert body["content"] == [
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "name": "weather", "input": {"city": "东京"}},
        {"type": "tool_use", "name": "weather", "input": {}},
    ]
    assert (body["stop_reason"], body["stop_sequence"]) == ("tool_use", None)
    shown = [{"type": "function", "function": FUNCTION}]
    assert asked.engine.calls[0].prompt == prompt_of(FIELDS["messages"], tools=shown)
    assert asked.engine.calls[0].params.structured_outputs.grammar  # what is called is right by construction


def test_tool_calls_streamed(ask):
    asked = ask(engine=ScriptedEngine(["</think>Well." + calls_text('{"city": "Oslo"}')], step=3))
    events = events_of(asked, tools=TOOLS, max_tokens=500)
    starts = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    assert [block["type"] for block in starts] == ["text", "tool_use"]
    assert (starts[1]["name"], starts[1]["input"]) == ("weather", {})
    pieces = [
        event["delta"].get("partial_json", "") for event in events if event.get("index") == 1 and "delta" in event
    ]
    assert json.loads("".join(pieces)) == {"city": "Oslo"}
    kinds = [event["type"] for event in events]
    assert kinds.count("content_block_stop") == 2
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_call_that_is_cut_has_no_input(ask):
    text = "</think>" + calls_text('{"city": "Oslo"}')
    cut = len(ids_of(text)) - len(ids_of('slo"}' + ARGUMENTS_END + CALLS_END))
    body = ask_message(ask(text), tools=TOOLS, max_tokens=cut).json()
    assert body["content"][0]["input"] == {}
    assert body["stop_reason"] == "max_tokens"


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ({"type": "none"}, None),
        ({"type": "any"}, "calls"),
        ({"type": "tool", "name": "weather"}, "calls"),
        ({"type": "auto"}, "ANYTHING"),
    ],
)
def test_tool_choice(ask, choice, wanted):
    asked = ask("</think>x")
    assert ask_message(asked, tools=TOOLS, tool_choice=choice).status_code == 200
    outputs = asked.engine.calls[0].params.structured_outputs
    if wanted is None:
        assert outputs is None
    else:
        assert outputs.grammar.startswith(f"start: {wanted}")


def test_results_go_back_to_the_model(ask):
    asked = ask("</think>Rain.")
    messages = [
        *FIELDS["messages"],
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "rain"}]},
                {"type": "text", "text": "So?"},
            ],
        },
    ]
    assert ask_message(asked, messages=messages, tools=TOOLS).status_code == 200
    call = {"type": "function", "id": "toolu_1", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    same = [
        *FIELDS["messages"],
        {"role": "assistant", "content": "Let me look.", "tool_calls": [call]},
        {"role": "tool", "content": "rain", "tool_call_id": "toolu_1"},
        {"role": "user", "content": "So?"},
    ]
    assert asked.engine.calls[0].prompt == prompt_of(same, tools=[{"type": "function", "function": FUNCTION}])
