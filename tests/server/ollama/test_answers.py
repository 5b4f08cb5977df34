"""`/api/generate` and `/api/chat`: exact lines."""

from __future__ import annotations

import json
import re

import pytest

from sampan import errors
from sampan.text.tool_syntax import ARGUMENTS_BEGIN, ARGUMENTS_END, CALL_HEAD, CALLS_BEGIN, CALLS_END
from scripted_engine import BOS, CHAT_TEMPLATE, EOS, ScriptedEngine, ids_of

CHAT = {"model": "sampan-tiny", "messages": [{"role": "user", "content": "hi"}]}
GENERATE = {"model": "sampan-tiny", "prompt": "hi"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z")
DURATIONS = ("total_duration", "prompt_eval_duration", "eval_duration")


def prompt_of(*messages, **options):
    return list(CHAT_TEMPLATE.encode([*messages], **options).token_ids)


def lines_of(asked, path, fields):
    response = asked.post(path, fields)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    *lines, end = response.text.split("\n")
    assert end == ""
    parsed = [json.loads(line) for line in lines]
    for line in parsed:
        assert TIME.fullmatch(line.pop("created_at"))
        assert line.pop("model") == fields["model"]
    return parsed


def test_chat_in_lines(ask):
    *pieces, last = lines_of(ask(engine=ScriptedEngine(["Hm.</think>So."], step=3)), "/api/chat", CHAT)
    assert pieces == [
        {"message": {"role": "assistant", "content": "", "thinking": "Hm."}, "done": False},
        {"message": {"role": "assistant", "content": "So"}, "done": False},
        {"message": {"role": "assistant", "content": "."}, "done": False},
    ]
    durations = [last.pop(name) for name in DURATIONS]
    assert all(isinstance(duration, int) and duration > 0 for duration in durations)
    assert durations[0] >= durations[1] + durations[2]
    assert last == {
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "load_duration": 0,
        "prompt_eval_count": len(prompt_of(*CHAT["messages"])),
        "eval_count": len(ids_of("Hm.</think>So.")) + 1,
    }


def test_whole_is_the_lines_together(ask):
    body = ask("Hm.</think>So.").post("/api/chat", {**CHAT, "stream": False}).json()
    assert body["message"] == {"role": "assistant", "content": "So.", "thinking": "Hm."}
    assert (body["done"], body["done_reason"]) == (True, "stop")
    body = ask("Hm.</think>So.").post("/api/generate", {**GENERATE, "stream": False}).json()
    assert (body["response"], body["thinking"]) == ("So.", "Hm.")
    *pieces, last = lines_of(ask("Hm.</think>So."), "/api/generate", GENERATE)
    assert "".join(piece["response"] for piece in pieces) == "So."
    assert "".join(piece.get("thinking", "") for piece in pieces) == "Hm."
    assert last["context"] == body["context"]


def test_context_is_the_conversation_as_the_template_shows_it(ask):
    asked = ask("Hm.</think>So.")
    first = asked.post("/api/generate", {**GENERATE, "system": "Be.", "stream": False}).json()
    said = [{"role": "system", "content": "Be."}, {"role": "user", "content": "hi"}]
    answered = [*said, {"role": "assistant", "content": "So."}]
    assert first["context"] == prompt_of(*answered, add_generation_prompt=False)
    asked.post("/api/generate", {**GENERATE, "prompt": "more", "context": first["context"]})
    assert asked.engine.calls[1].prompt == prompt_of(*answered, {"role": "user", "content": "more"})


@pytest.mark.parametrize(
    ("answer", "fields", "kept"),
    [("So.", {"think": False}, "So."), ("Hm.", {"options": {"num_predict": 2}}, ""), ("H</think>S", {}, "S")],
)
def test_context_ends_the_turn_whatever_was_answered(ask, answer, fields, kept):
    context = ask(answer).post("/api/generate", {**GENERATE, **fields, "stream": False}).json()["context"]
    assistant = {"role": "assistant", "content": kept}
    assert context == prompt_of({"role": "user", "content": "hi"}, assistant, add_generation_prompt=False)
    assert context[-1] == EOS


def test_raw_is_the_prompt_and_nothing_else(ask):
    asked = ask("x</think>y")
    body = asked.post("/api/generate", {**GENERATE, "raw": True, "stream": False}).json()
    assert asked.engine.calls[0].prompt == [BOS, *ids_of("hi")]
    assert body["response"] == "x</think>y"
    assert "context" not in body


@pytest.mark.parametrize("think", [False, True, "high"])
def test_think(ask, think):
    asked = ask("</think>So.")
    asked.post("/api/chat", {**CHAT, "think": think})
    assert asked.engine.calls[0].prompt == prompt_of(*CHAT["messages"], thinking=think is not False)


def test_options_reach_the_engine(ask):
    asked = ask()
    options = {"num_predict": 9, "temperature": 1, "top_k": 5, "top_p": 0.5, "min_p": 0.1, "seed": 7, "stop": ["x"]}
    options |= {"repeat_penalty": 1.2, "presence_penalty": 0.5, "frequency_penalty": 0.25, "num_ctx": 4096}
    asked.post("/api/chat", {**CHAT, "options": options, "keep_alive": "5m", "user": "ann", "priority": 2})
    call = asked.engine.calls[0]
    params = call.params
    assert (params.max_tokens, params.temperature, params.top_k, params.top_p) == (9, 1.0, 5, 0.5)
    assert (params.min_p, params.seed, params.stop) == (0.1, 7, ("x",))
    assert (params.repetition_penalty, params.presence_penalty, params.frequency_penalty) == (1.2, 0.5, 0.25)
    assert (call.tenant, call.priority) == ("ann", -2)


@pytest.mark.parametrize("options", [{"num_predict": -1}, {"num_predict": -2}, {"seed": -1}, {}])
def test_negative_numbers_that_say_nothing(ask, options):
    asked = ask()
    asked.post("/api/chat", {**CHAT, "options": options})
    assert (asked.engine.calls[0].params.max_tokens, asked.engine.calls[0].params.seed) == (None, None)


def test_more_than_fits_is_as_much_as_fits(ask):
    asked = ask()
    asked.post("/api/chat", {**CHAT, "options": {"num_predict": 100_000}})
    assert asked.engine.calls[0].params.max_tokens == 4096 - len(asked.engine.calls[0].prompt)


@pytest.mark.parametrize(
    ("form", "constraint"),
    [
        ("", None),
        ("json", (None, True)),
        ({"type": "object"}, ('{"type":"object"}', False)),
    ],
)
def test_format(ask, form, constraint):
    asked = ask()
    assert asked.post("/api/chat", {**CHAT, "format": form, "stream": False}).status_code == 200
    outputs = asked.engine.calls[0].params.structured_outputs
    assert (outputs and (outputs.json, outputs.json_object)) == constraint


def test_logprobs_of_every_token_arrive(ask):
    fields = {**CHAT, "logprobs": True, "top_logprobs": 1}
    whole = ask("é</think>a").post("/api/chat", {**fields, "stream": False}).json()["logprobs"]
    lines = lines_of(ask("é</think>a"), "/api/chat", fields)
    assert [entry for line in lines for entry in line.get("logprobs", ())] == whole
    assert len(whole) == len(ids_of("é</think>a")) + 1
    assert whole[0]["logprob"] == -0.5
    assert len(whole[0]["top_logprobs"]) == 1


@pytest.mark.parametrize(
    ("path", "fields", "piece"),
    [
        ("/api/generate", {"model": "sampan-tiny"}, {"response": ""}),
        (
            "/api/chat",
            {"model": "sampan-tiny:latest", "messages": []},
            {"message": {"role": "assistant", "content": ""}},
        ),
    ],
)
def test_without_a_prompt_the_model_is_loaded(ask, path, fields, piece):
    body = ask().post(path, fields).json()
    assert TIME.fullmatch(body.pop("created_at"))
    assert body == {"model": fields["model"], **piece, "done": True, "done_reason": "load"}


def test_curl_s_content_type_is_taken_unless_a_browser_sends_it(ask):
    data = json.dumps({**CHAT, "stream": False})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert ask().post("/api/chat", content=data, headers=headers).status_code == 200
    response = ask().post("/api/chat", content=data, headers={**headers, "origin": "http://localhost:3000"})
    assert response.status_code == 415
    assert list(response.json()) == ["error"]


@pytest.mark.parametrize(
    ("path", "fields", "status", "message"),
    [
        ("/api/chat", {"messages": CHAT["messages"]}, 400, "model: Field required"),
        ("/api/chat", {**CHAT, "model": "llama3"}, 404, "This server has no model of that name (use sampan-tiny)"),
        (
            "/api/chat",
            {**CHAT, "options": {"temperature": -1}},
            400,
            "options: Input should be greater than or equal to 0",
        ),
        (
            "/api/chat",
            {**CHAT, "options": {"mirostat": 2}},
            501,
            "mirostat is not supported with this value yet (leave it out)",
        ),
        (
            "/api/generate",
            {**GENERATE, "template": "{{ .Prompt }}"},
            501,
            "template is not supported with this value yet (leave it out)",
        ),
        (
            "/api/chat",
            {"model": "sampan-tiny", "messages": [{"role": "user", "content": "x", "images": ["aGk="]}]},
            501,
            "This model reads text only (leave images out)",
        ),
        (
            "/api/generate",
            {**GENERATE, "raw": True, "system": "x"},
            400,
            "raw is without system and context (put them into the prompt)",
        ),
        ("/api/generate", {**GENERATE, "prompt": 1}, 400, "prompt: Input should be a valid string"),
    ],
)
def test_errors_have_ollama_s_shape(ask, path, fields, status, message):
    response = ask().post(path, fields)
    assert (response.status_code, response.json()) == (status, {"error": message})


def test_an_error_after_the_beginning_is_the_last_line(ask):
    asked = ask(engine=ScriptedEngine(["Thought"], failure=errors.EngineError("secret"), fail_after=3))
    lines = asked.post("/api/chat", CHAT).text.splitlines()
    assert json.loads(lines[-1]) == {"error": "The engine failed while it worked on this request"}
    assert asked.engine.open_ids == set()


def test_silence_is_broken_by_empty_pieces(ask):
    asked = ask(engine=ScriptedEngine(["</think>x"], delay=0.2), ping_interval_seconds=0.05)
    lines = lines_of(asked, "/api/chat", CHAT)
    assert lines[0] == {"message": {"role": "assistant", "content": ""}, "done": False}
    assert "".join(line["message"]["content"] for line in lines) == "x"


TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def calls_text(arguments):
    return f"{CALLS_BEGIN}{CALL_HEAD}weather{ARGUMENTS_BEGIN}{arguments}{ARGUMENTS_END}{CALLS_END}"


def test_tool_calls_come_whole(ask):
    answer = "</think>Well." + calls_text('{"city": "Oslo"}')
    calls = [{"function": {"name": "weather", "arguments": {"city": "Oslo"}}}]
    asked = ask(answer)
    message = asked.post("/api/chat", {**CHAT, "tools": TOOLS, "stream": False}).json()["message"]
    assert message == {"role": "assistant", "content": "Well.", "tool_calls": calls}
    *pieces, last = lines_of(ask(answer), "/api/chat", {**CHAT, "tools": TOOLS})
    assert "".join(piece["message"]["content"] for piece in pieces) == "Well."
    assert pieces[-1]["message"]["tool_calls"] == calls
    assert "tool_calls" not in last["message"]
    assert asked.engine.calls[0].prompt == prompt_of(*CHAT["messages"], tools=TOOLS)


def test_a_call_that_is_cut_is_left_out(ask):
    answer = "</think>" + calls_text('{"city": "Oslo"}')
    cut = len(ids_of(answer)) - len(ids_of('slo"}' + ARGUMENTS_END + CALLS_END))
    fields = {**CHAT, "tools": TOOLS, "stream": False, "options": {"num_predict": cut}}
    body = ask(answer).post("/api/chat", fields).json()
    assert body["message"] == {"role": "assistant", "content": ""}
    assert body["done_reason"] == "length"


def test_results_go_back_to_the_model(ask):
    asked = ask("</think>Rain.")
    arguments = {"city": "Oslo"}
    messages = [
        *CHAT["messages"],
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "weather", "arguments": arguments}}]},
        {"role": "tool", "content": "rain", "tool_name": "weather"},
    ]
    asked.post("/api/chat", {**CHAT, "messages": messages})
    assert asked.engine.calls[0].prompt == prompt_of(*messages)
