"""`/generate` as text-generation-inference, SGLang and LMDeploy have it, and the simplest one."""

from __future__ import annotations

import json

import pytest

from sampan import errors
from scripted_engine import BOS, EOS, ScriptedEngine, ids_of

TEXT = "Hm.</think>é"
IDS = [*ids_of(TEXT), EOS]
PROMPT = [BOS, *ids_of("hi")]


def events_of(asked, path, body, *, ends="[DONE]"):
    response = asked.post(path, body)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, end = response.text.split("\n\n")
    assert end == ""
    events = [event.removeprefix("data: ") for event in events]
    if ends:
        assert events.pop() == ends
    return [json.loads(event) for event in events]


# ---- the simplest ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"max_tokens": 100}, {"text": "é"}),
        ({"stream": False}, {"text": "é"}),
        ({"max_length": 100}, {"response": "é"}),
        ({}, {"response": "é"}),
        ({"max_tokens": 2}, {"text": "<think>\nHm"}),
    ],
)
def test_simple(ask, fields, body):
    assert ask(TEXT).post("/generate", {"prompt": "hi", **fields}).json() == body
    streamed = events_of(ask(TEXT), "/generate", {"prompt": "hi", **fields, "stream": True})
    name = "response" if "max_length" in fields else "text"
    assert "".join(event[name] for event in streamed) == next(iter(body.values()))


def test_simple_error_in_a_stream(ask):
    asked = ask(engine=ScriptedEngine(["</think>xyz"], failure=errors.EngineError("secret"), fail_after=3))
    *_, last = events_of(asked, "/generate", {"prompt": "hi", "stream": True})
    assert last["error"]["code"] == 500


# ---- text-generation-inference --------------------------------------------------------------------------------------


def test_tgi_whole(ask):
    asked = ask(TEXT)
    assert asked.post("/generate", {"inputs": "hi"}).json() == {"generated_text": TEXT}
    assert asked.engine.calls[0].prompt == PROMPT
    assert asked.engine.calls[0].params.max_tokens == 100
    full = asked.post("/generate", {"inputs": "hi", "parameters": {"return_full_text": True}}).json()
    assert full == {"generated_text": f"hi{TEXT}"}


def test_tgi_details(ask):
    parameters = {"details": True, "top_n_tokens": 1, "seed": 3}
    body = ask("ab").post("/generate", {"inputs": "hi", "parameters": parameters}).json()
    details = body["details"]
    assert details.pop("tokens") == [
        {"id": ids_of("a")[0], "text": "a", "logprob": -0.5, "special": False},
        {"id": ids_of("b")[0], "text": "b", "logprob": -0.5, "special": False},
        {"id": EOS, "text": "<｜end▁of▁sentence｜>", "logprob": -0.5, "special": True},
    ]
    assert [len(top) for top in details.pop("top_tokens")] == [1, 1, 1]
    assert details == {"finish_reason": "eos_token", "generated_tokens": 3, "seed": 3, "prefill": []}


@pytest.mark.parametrize("path", ["/generate", "/generate_stream"])
def test_tgi_stream(ask, path):
    asked = ask(engine=ScriptedEngine([TEXT], step=2))
    events = events_of(asked, path, {"inputs": "hi", "parameters": {}, "stream": True}, ends="")
    assert [event["index"] for event in events] == list(range(1, len(IDS) + 1))
    assert [event["token"]["id"] for event in events] == IDS
    assert "".join(event["token"]["text"] for event in events if not event["token"]["special"]) == TEXT
    assert all(event["generated_text"] is None and event["details"] is None for event in events[:-1])
    assert events[-1]["generated_text"] == TEXT
    assert events[-1]["details"] == {
        "finish_reason": "eos_token",
        "generated_tokens": len(IDS),
        "seed": None,
        "input_length": len(PROMPT),
    }


@pytest.mark.parametrize(
    ("parameters", "reason", "text"),
    [({"max_new_tokens": 2}, "length", "Hm"), ({"stop": ["."]}, "stop_sequence", "Hm"), ({}, "eos_token", TEXT)],
)
def test_tgi_finish_reasons(ask, parameters, reason, text):
    body = {"inputs": "hi", "parameters": {**parameters, "details": True}}
    whole = ask(TEXT).post("/generate", body).json()
    last = events_of(ask(TEXT), "/generate_stream", body, ends="")[-1]
    assert whole["generated_text"] == last["generated_text"] == text
    assert whole["details"]["finish_reason"] == last["details"]["finish_reason"] == reason


def test_tgi_parameters_reach_the_engine(ask):
    asked = ask()
    parameters = {"temperature": 0.5, "top_k": 3, "top_p": 0.9, "repetition_penalty": 1.1, "stop": ["x"], "seed": 1}
    asked.post("/generate", {"inputs": "abcdef", "parameters": {**parameters, "max_new_tokens": 7, "truncate": 2}})
    call = asked.engine.calls[0]
    params = call.params
    assert call.prompt == ids_of("ef")
    assert (params.temperature, params.top_k, params.top_p, params.repetition_penalty) == (0.5, 3, 0.9, 1.1)
    assert (params.stop, params.seed, params.max_tokens, params.logprobs) == (("x",), 1, 7, None)


@pytest.mark.parametrize(("parameters", "temperature"), [({}, 0.6), ({"do_sample": False}, 0.0)])
def test_tgi_greedy(ask, parameters, temperature):
    asked = ask()
    asked.post("/generate", {"inputs": "hi", "parameters": parameters})
    assert asked.engine.calls[0].params.temperature == temperature


@pytest.mark.parametrize(
    ("grammar", "json_schema", "regex"),
    [
        ({"type": "json", "value": {"type": "object"}}, '{"type":"object"}', None),
        ({"type": "json_schema", "value": {"name": "x", "schema": {"type": "object"}}}, '{"type":"object"}', None),
        ({"type": "regex", "value": "a+"}, None, "a+"),
    ],
)
def test_tgi_grammar(ask, grammar, json_schema, regex):
    asked = ask()
    asked.post("/generate", {"inputs": "hi", "parameters": {"grammar": grammar}})
    outputs = asked.engine.calls[0].params.structured_outputs
    assert (outputs.json, outputs.regex) == (json_schema, regex)


@pytest.mark.parametrize(
    ("error", "status", "type_"),
    [
        (errors.RequestError("no"), 422, "validation"),
        (errors.UnsupportedError("no"), 422, "validation"),
        (errors.EngineError("no"), 424, "generation"),
        (errors.OverloadedError("no"), 429, "overloaded"),
        (errors.UnavailableError("no"), 503, "unhealthy"),
    ],
)
def test_tgi_errors(ask, error, status, type_):
    asked = ask(engine=ScriptedEngine(refusal=error))
    for path in ("/generate", "/generate_stream"):
        response = asked.post(path, {"inputs": "hi"})
        assert (response.status_code, response.json()["error_type"]) == (status, type_)
        assert set(response.json()) == {"error", "error_type"}


@pytest.mark.parametrize("fields", [{"inputs": 1}, {"inputs": ""}, {"inputs": "a", "parameters": {"watermark": True}}])
def test_tgi_refusals(ask, fields):
    response = ask().post("/generate", fields)
    assert (response.status_code, response.json()["error_type"]) == (422, "validation")


def test_tgi_error_in_a_stream(ask):
    asked = ask(engine=ScriptedEngine(["abc"], failure=errors.EngineError("secret"), fail_after=2))
    *_, last = events_of(asked, "/generate_stream", {"inputs": "hi"}, ends="")
    assert last == {"error": "The engine failed while it worked on this request", "error_type": "generation"}


def test_tgi_info(ask):
    info = ask().get("/info").json()
    assert (info["model_id"], info["max_total_tokens"]) == ("sampan-tiny", 4096)


# ---- SGLang ---------------------------------------------------------------------------------------------------------


def meta_of(body):
    assert body["meta_info"].pop("e2e_latency") > 0
    assert body["meta_info"].pop("id")
    assert body["meta_info"].pop("weight_version").startswith("fp_")
    return body["meta_info"]


def test_sglang_whole(ask):
    body = ask(TEXT).post("/generate", {"text": "hi", "sampling_params": {"max_new_tokens": 50}}).json()
    assert (body["text"], body["output_ids"]) == (TEXT, IDS)
    assert meta_of(body) == {
        "finish_reason": {"type": "stop", "matched": EOS},
        "prompt_tokens": len(PROMPT),
        "completion_tokens": len(IDS),
        "cached_tokens": 16,
    }


def test_sglang_ids_are_taken_as_they_are(ask):
    asked = ask(TEXT)
    assert asked.post("/generate", {"input_ids": [65, 257]}).json()["text"] == TEXT
    assert asked.engine.calls[0].prompt == [65, 257]
    assert asked.engine.calls[0].params.max_tokens == 128


@pytest.mark.parametrize("fields", [{"text": ["a", "b"]}, {"input_ids": [[1], [2]]}, {"text": "a", "n": 2}])
def test_sglang_lists(ask, fields):
    n = fields.pop("n", 1)
    body = {**fields, "sampling_params": {"n": n}}
    first, second = ask("one", "two").post("/generate", body).json()
    assert (first["text"], second["text"]) == ("one", "two")
    events = events_of(ask("one", "two"), "/generate", {**body, "stream": True})
    for index, text in enumerate(("one", "two")):
        own = [event for event in events if event["index"] == index]
        assert own[-1]["text"] == text
        assert [event["meta_info"]["finish_reason"] is None for event in own] == [True] * (len(own) - 1) + [False]


def test_sglang_stream_repeats_the_answer_so_far(ask):
    events = events_of(ask("abé"), "/generate", {"text": "hi", "stream": True})
    assert [event["text"] for event in events] == ["a", "ab", "ab", "abé", "abé"]
    assert [len(event["output_ids"]) for event in events] == [1, 2, 3, 4, 5]


def test_sglang_stream_does_not_grow_with_the_square(ask):
    answer = "x" * 4000
    asked = ask(engine=ScriptedEngine([answer], step=4))
    fields = {"text": "hi", "sampling_params": {"max_new_tokens": 4001}, "stream": True}
    events = events_of(asked, "/generate", fields)
    assert events[-1]["text"] == answer
    assert len(events) < 350
    assert [len(event["text"]) for event in events] == sorted({len(event["text"]) for event in events})


@pytest.mark.parametrize(
    ("sampling", "reason"),
    [
        ({"max_new_tokens": 2}, {"type": "length", "length": 2}),
        ({"stop": "."}, {"type": "stop", "matched": "."}),
        ({}, {"type": "stop", "matched": EOS}),
    ],
)
def test_sglang_finish_reasons(ask, sampling, reason):
    fields = {"text": "hi", "sampling_params": sampling}
    assert ask(TEXT).post("/generate", fields).json()["meta_info"]["finish_reason"] == reason
    last = events_of(ask(TEXT), "/generate", {**fields, "stream": True})[-1]
    assert last["meta_info"]["finish_reason"] == reason


def test_sglang_logprobs(ask):
    fields = {"text": "hi", "return_logprob": True, "top_logprobs_num": 2}
    meta = ask("a").post("/generate", fields).json()["meta_info"]
    assert meta["output_token_logprobs"] == [[-0.5, ids_of("a")[0], None], [-0.5, EOS, None]]
    assert [len(top) for top in meta["output_top_logprobs"]] == [2, 2]


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"text": ""}, 400, "text"),
        ({"text": []}, 400, "text"),
        ({"input_ids": []}, 400, "input_ids"),
        ({"input_ids": [[1], []]}, 400, "input_ids"),
        ({"sampling_params": {}}, 400, "input_ids"),
        ({"text": "a", "return_logprob": True, "logprob_start_len": 0}, 400, "logprob_start_len"),
        ({"text": "a", "image_data": "x"}, 501, "image_data"),
        ({"text": ["a"] * 65}, 400, "n"),
    ],
)
def test_sglang_refusals(ask, fields, status, param):
    response = ask().post("/generate", fields)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)


def test_sglang_model_info(ask):
    assert ask().get("/get_model_info").json()["is_generation"] is True


# ---- LMDeploy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{"prompt": "hi", "session_id": 1}, {"input_ids": PROMPT, "max_tokens": 128}])
def test_lmdeploy(ask, fields):
    asked = ask(TEXT)
    body = asked.post("/generate", {**fields, "return_logprob": True}).json()
    assert asked.engine.calls[0].prompt == PROMPT
    assert asked.engine.calls[0].params.max_tokens == 128
    assert body == {
        "text": TEXT,
        "output_ids": IDS,
        "meta_info": {
            "prompt_tokens": len(PROMPT),
            "completion_tokens": len(IDS),
            "finish_reason": {"type": "stop"},
            "output_token_logprobs": [[-0.5, token_id] for token_id in IDS],
        },
    }


def test_lmdeploy_stream(ask):
    events = events_of(ask(TEXT), "/generate", {"prompt": "hi", "session_id": -1, "stream": True})
    assert "".join(event["text"] for event in events) == TEXT
    assert [token_id for event in events for token_id in event["output_ids"]] == IDS
    assert [event["meta_info"]["finish_reason"] for event in events] == [None] * (len(events) - 1) + [{"type": "stop"}]
    assert events[-1]["meta_info"]["completion_tokens"] == len(IDS)


def test_only_a_prompt_has_query_parameters(ask):
    response = ask().post("/generate", {"text": "hi"}, params={"top_k": 1})
    assert response.status_code == 400
