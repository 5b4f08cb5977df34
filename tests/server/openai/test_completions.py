"""`POST /v1/completions`."""

from __future__ import annotations

import pytest

from scripted_engine import BOS, TOKENIZER, ids_of

RAW = "想<｜end▁of▁sentence｜></think>\n\n答🚀"


def complete(asked, **fields):
    return asked.post("/v1/completions", {"prompt": "Once", **fields})


def test_text_prompt_gets_one_bos_and_stays_text(ask):
    asked = ask("x")
    body = complete(asked, prompt="<｜User｜>").json()
    assert asked.engine.calls[0].prompt == [BOS, *TOKENIZER.encode("<｜User｜>")]
    assert body["object"] == "text_completion"
    assert body["id"].startswith("cmpl-")
    assert body["choices"] == [
        {"index": 0, "text": "x", "logprobs": None, "finish_reason": "stop", "stop_reason": None}
    ]


def test_ids_are_taken_as_they_are(ask):
    asked = ask("x")
    complete(asked, prompt=[1, 258, 2])
    assert asked.engine.calls[0].prompt == [1, 258, 2]


@pytest.mark.parametrize("prompt", [["a", "b"], [[1], [2]]])
def test_many_prompts_times_n(ask, prompt):
    asked = ask("1", "2", "3", "4")
    body = complete(asked, prompt=prompt, n=2, seed=5).json()
    assert [(choice["index"], choice["text"]) for choice in body["choices"]] == [(0, "1"), (1, "2"), (2, "3"), (3, "4")]
    prompts = [call.prompt for call in asked.engine.calls]
    assert prompts[0] == prompts[1] != prompts[2] == prompts[3]
    seeds = [call.params.seed for call in asked.engine.calls]
    assert seeds[0] == seeds[2] == 5
    assert seeds[1] == seeds[3] != 5
    assert body["usage"]["prompt_tokens"] == len(prompts[0]) + len(prompts[2])
    assert body["usage"]["completion_tokens"] == 8


def test_text_is_raw_and_streams_whole(ask):
    asked = ask(RAW)
    whole = complete(asked).json()["choices"][0]["text"]
    assert whole == "想</think>\n\n答🚀"
    chunks = asked.stream("/v1/completions", prompt="Once", stream_options={"include_usage": True})
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks[:-1]) == whole
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["completion_tokens"] == len(ids_of(RAW)) + 1
    assert chunks[-1]["usage"]["completion_tokens_details"] == {"reasoning_tokens": 0}


def test_echo(ask):
    asked = ask(" upon")
    assert complete(asked, echo=True, n=2).json()["choices"][1]["text"] == "Once upon"
    chunks = asked.stream("/v1/completions", prompt="Once", echo=True)
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == "Once upon"


def test_logprobs(ask):
    asked = ask("ABé")
    logprobs = complete(asked, logprobs=1, max_tokens=3).json()["choices"][0]["logprobs"]
    assert logprobs == {
        "tokens": ["A", "B", r"bytes:\xc3"],
        "token_logprobs": [-0.5, -0.5, -0.5],
        "top_logprobs": [{"A": -0.5, "b": -1.0}, {"B": -0.5, "b": -1.0}, {r"bytes:\xc3": -0.5, "b": -1.0}],
        "text_offset": [0, 1, 2],
    }
    chunks = asked.stream("/v1/completions", prompt="Once", logprobs=1, max_tokens=3)
    parts = [chunk["choices"][0]["logprobs"] for chunk in chunks]
    for key, values in logprobs.items():
        assert [value for part in parts for value in (part or {key: []})[key]] == values


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"prompt": None}, 400, "prompt"),
        ({"prompt": []}, 400, "prompt"),
        ({"prompt": [[]]}, 400, "prompt"),
        ({"prompt": [1, "a"]}, 400, "prompt"),
        ({"prompt": ["a"] * 33, "n": 2}, 400, "n"),
        ({"logprobs": 21}, 400, "logprobs"),
        ({"logprobs": True}, 400, "logprobs"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"prompt_logprobs": 21}, 400, "prompt_logprobs"),
        ({"prompt_logprobs": 1, "stream": True}, 400, "prompt_logprobs"),
        ({"suffix": "end"}, 501, "suffix"),
    ],
)
def test_wrong_fields_are_named(ask, fields, status, param):
    asked = ask()
    response = complete(asked, **fields)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
    assert asked.engine.calls == []
