"""How a request steers the thought, and where it wants to see it: every name that clients have for it."""

from __future__ import annotations

import pytest

from scripted_engine import CHAT_TEMPLATE

RAW = "Hm.\n</think>\n\nYes."
USER = {"role": "user", "content": "hi"}
ON, OFF = (list(CHAT_TEMPLATE.encode([USER], thinking=thinking).token_ids) for thinking in (True, False))


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_effort": "none"},
        {"reasoning": {"effort": "none"}},
        {"reasoning": {"enabled": False}},
        {"thinking": {"type": "disabled"}},
        {"enable_thinking": False},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"chat_template_kwargs": {"thinking": False}},
    ],
)
def test_thinking_off_and_on(ask, fields):
    asked = ask(RAW)
    assert asked.chat(**fields).json()["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0
    assert asked.engine.calls[-1].prompt == OFF
    thoughtless = ask(RAW, default_chat_template_kwargs={"enable_thinking": False})
    thoughtless.chat()
    assert thoughtless.engine.calls[-1].prompt == OFF
    ((name, value),) = fields.items()
    opposite = {False: True, "none": "high", "disabled": "enabled"}
    turned = {key: opposite[item] for key, item in value.items()} if isinstance(value, dict) else opposite[value]
    for server in (asked, thoughtless):
        server.chat(**{name: turned})
        assert server.engine.calls[-1].prompt == ON


def test_contradictions_are_refused(ask):
    asked = ask(RAW)
    response = asked.chat(reasoning_effort="high", enable_thinking=False)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "reasoning_effort")
    assert asked.chat(reasoning_effort="high", reasoning={"effort": "low"}).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"thinking_token_budget": 7},
        {"reasoning": {"max_tokens": 7}},
        {"thinking": {"type": "enabled", "budget_tokens": 7}},
    ],
)
def test_budgets(ask, fields):
    asked = ask(RAW)
    asked.chat(**fields)
    assert asked.engine.calls[0].params.thinking_token_budget == 7
    assert asked.chat(**fields, reasoning_max_tokens=8).status_code == 400


TAGGED = f"<think>\n{RAW}"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"reasoning_format": "deepseek"}, {"content": "Yes.", "reasoning_content": "Hm.\n"}),
        ({"reasoning_format": "auto"}, {"content": "Yes.", "reasoning_content": "Hm.\n"}),
        ({"reasoning_format": "reasoning"}, {"content": "Yes.", "reasoning": "Hm.\n"}),
        ({"reasoning_format": "deepseek-legacy"}, {"content": TAGGED, "reasoning_content": "Hm.\n"}),
        ({"reasoning_format": "none"}, {"content": TAGGED}),
        ({"reasoning_format": "raw"}, {"content": TAGGED}),
        ({"separate_reasoning": False}, {"content": TAGGED}),
        ({"reasoning_format": "hidden"}, {"content": "Yes."}),
        ({"reasoning": {"exclude": True}}, {"content": "Yes."}),
        ({"include_reasoning": False, "reasoning_format": "none"}, {"content": "Yes."}),
    ],
)
def test_where_the_thought_is_seen(ask, fields, message):
    asked = ask(RAW, reasoning_format="both")
    (choice,) = asked.chat(**fields).json()["choices"]
    assert choice["message"] == {"role": "assistant", **message}
    streamed: dict[str, str] = {}
    for chunk in asked.stream(**fields):
        for name, text in chunk["choices"][0]["delta"].items():
            streamed[name] = streamed.get(name, "") + text
    assert streamed == {"role": "assistant", **message}
