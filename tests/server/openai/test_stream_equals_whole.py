"""Whatever a model writes, the pieces of a stream are the whole answer."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripted_engine import ScriptedEngine

PIECES = st.sampled_from(
    [
        "<think>",
        "</think>",
        "\n",
        " ",
        "<",
        "</thi",
        "路由器",
        "🚀",
        "👩‍👩‍👧",
        "é",
        "word",
        "stop",
        "<｜end▁of▁sentence｜>",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(PIECES, max_size=12).map("".join),
    step=st.integers(1, 9),
    max_tokens=st.one_of(st.none(), st.integers(1, 60)),
    stop=st.sampled_from([None, "stop", "\n", ["</", "由器w"]]),
    thinking=st.booleans(),
)
def test_stream_equals_whole(ask, text, step, max_tokens, stop, thinking):
    asked = ask(engine=ScriptedEngine([text], step=step))
    effort = None if thinking else "none"
    fields = {"max_tokens": max_tokens, "stop": stop, "reasoning_effort": effort, "logprobs": True}
    body = asked.chat(**fields).json()
    *chunks, usage = asked.stream(**fields, stream_options={"include_usage": True})
    (choice,) = body["choices"]
    choices = [chunk["choices"][0] for chunk in chunks]
    for name in ("content", "reasoning_content"):
        assert "".join(part["delta"].get(name) or "" for part in choices) == (choice["message"][name] or "")
    assert [part["finish_reason"] for part in choices] == [None] * (len(choices) - 1) + [choice["finish_reason"]]
    assert choices[-1]["stop_reason"] == choice["stop_reason"]
    assert [entry for part in choices if part["logprobs"] for entry in part["logprobs"]["content"]] == choice[
        "logprobs"
    ]["content"]
    assert usage["usage"] == body["usage"]
    assert len(choice["logprobs"]["content"]) == body["usage"]["completion_tokens"]
    assert asked.engine.open_ids == set()
