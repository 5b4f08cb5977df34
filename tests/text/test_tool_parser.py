"""Tool calls in answers: heads, arguments, what stays text, and that pieces are the whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.text.tool_parser import MAX_HEAD_CHARS, ToolParser
from sampan.text.tool_syntax import (
    ARGUMENTS_BEGIN,
    ARGUMENTS_END,
    CALL_BEGIN,
    CALL_END,
    CALL_HEAD,
    CALLS_BEGIN,
    CALLS_END,
    SEPARATOR,
    show_calls,
)

NAMES = ("get_weather", "add", "f")
WEATHER = ("get_weather", '{"city": "杭州"}')
ADD = ("add", '{"a": [1, {"b": "}]"}], "c": "\\"}```<｜tool▁call▁end｜>"}')


def parse(text, step=None, max_calls=128):
    """Content and calls as (name, arguments) of a text given in pieces of `step` characters."""
    parser = ToolParser(NAMES, max_calls)
    step = step or max(len(text), 1)
    deltas = [parser.push(text[start : start + step]) for start in range(0, len(text), step)]
    deltas.append(parser.finish())
    calls: list[list[str]] = []
    for call in (call for delta in deltas for call in delta.calls):
        if call.name is not None:
            assert call.index == len(calls)
            calls.append([call.name, ""])
        assert call.index == len(calls) - 1
        calls[-1][1] += call.arguments
    return "".join(delta.content for delta in deltas), [tuple(call) for call in calls]


@pytest.mark.parametrize("step", [1, 2, 3, 7, None])
@pytest.mark.parametrize(
    ("text", "content", "calls"),
    [
        ("", "", []),
        ("Hello.\n ", "Hello.\n ", []),
        (show_calls([WEATHER]), "", [WEATHER]),
        (show_calls([WEATHER, ADD, ("f", "{}")]), "", [WEATHER, ADD, ("f", "{}")]),
        (f"\n\nI look.\n\n{show_calls([WEATHER])}\n", "\n\nI look.", [WEATHER]),
        (f"{show_calls([WEATHER])}\n\nDone.", "Done.", [WEATHER]),
        (f"A{show_calls([WEATHER])}B {show_calls([ADD])}C", "ABC", [WEATHER, ADD]),
        # as distills write them
        ("<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜>f\n```json\n{}\n```", "", [("f", "{}")]),
        ("<|tool calls|>\nfunction<｜tool▁sep｜>f\n{}", "", [("f", "{}")]),
        (f"{CALL_BEGIN}f{SEPARATOR}{{}}{CALL_END}{CALLS_END}", "", [("f", "{}")]),
        (f"{CALLS_BEGIN}{CALL_HEAD}f{ARGUMENTS_BEGIN}{{\n}}```", "", [("f", "{\n}")]),
        # cut short
        (f"{CALLS_BEGIN}{CALL_HEAD}add{ARGUMENTS_BEGIN}{{" + '"a": 1', "", [("add", '{"a": 1')]),
        (f"{CALLS_BEGIN}{CALL_HEAD}f{ARGUMENTS_BEGIN}{{}}\n```<｜tool▁ca", "", [("f", "{}")]),
        (f"x {CALLS_BEGIN}{CALL_HEAD}ad", f"x {CALLS_BEGIN}{CALL_HEAD}ad", []),
        ("x <｜tool▁ca", "x <｜tool▁ca", []),
        # not calls
        (show_calls([("unknown", "{}")]), show_calls([("unknown", "{}")]), []),
        (f"{CALLS_BEGIN} is a tag", f"{CALLS_BEGIN} is a tag", []),
        (f"{CALLS_BEGIN}{CALL_HEAD}f{ARGUMENTS_BEGIN}[1]", f"{CALLS_BEGIN}{CALL_HEAD}f{ARGUMENTS_BEGIN}[1]", []),
        (f"{CALLS_BEGIN}{CALL_HEAD}f g{{}}", f"{CALLS_BEGIN}{CALL_HEAD}f g{{}}", []),
        (f"a < b, {{c}} {CALLS_END}", f"a < b, {{c}} {CALLS_END}", []),
        (CALLS_BEGIN + " " * MAX_HEAD_CHARS + "{}", CALLS_BEGIN + " " * MAX_HEAD_CHARS + "{}", []),
        # a call behind what is none
        (f"{CALLS_BEGIN}{CALL_HEAD}no{{}} {show_calls([WEATHER])}", f"{CALLS_BEGIN}{CALL_HEAD}no{{}}", [WEATHER]),
        (f"{CALLS_BEGIN}{show_calls([WEATHER])}", CALLS_BEGIN, [WEATHER]),
    ],
)
def test_content_and_calls(text, content, calls, step):
    assert parse(text, step) == (content, calls)


def test_calls_beyond_the_most_are_left_out():
    assert parse(f"a{show_calls([WEATHER, ADD])}b", max_calls=1) == ("ab", [WEATHER])


def test_text_leaves_as_soon_as_it_is_certain():
    parser = ToolParser(NAMES, 8)
    assert parser.push("I look").content == "I look"
    assert parser.push(" ").content == ""
    assert parser.push("up <").content == " up"
    assert parser.push("b>").content == " <b>"
    assert parser.push(CALLS_BEGIN + CALL_HEAD + "add").pieces == ()
    (call,) = parser.push(ARGUMENTS_BEGIN + '{"a"').calls
    assert (call.index, call.name, call.arguments) == (0, "add", '{"a"')
    (call,) = parser.push(": 1}" + ARGUMENTS_END).calls
    assert (call.index, call.name, call.arguments) == (0, None, ": 1}")


TAGS = [CALLS_BEGIN, CALLS_END, CALL_BEGIN, CALL_END, SEPARATOR, CALL_HEAD, ARGUMENTS_BEGIN, ARGUMENTS_END]
SMALL = ["<", "<｜tool", "function", "no", "```", "{", "}", '{"a": 1}', '"', "\\", " ", "\n", "字", " " * 70]
PIECES = st.sampled_from([*TAGS, *SMALL, *NAMES, show_calls([ADD])])


@given(st.lists(PIECES, max_size=14).map("".join), st.integers(1, 9), st.integers(1, 3))
def test_pieces_are_the_whole(text, step, max_calls):
    assert parse(text, step, max_calls) == parse(text, None, max_calls)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=3), st.booleans(), st.integers(1, 9))
def test_any_arguments_come_back(arguments, is_ascii, step):
    text = json.dumps(arguments, ensure_ascii=is_ascii)
    assert parse(show_calls([("f", text), ("add", text)]), step) == ("", [("f", text), ("add", text)])


def test_long_answers_take_linear_time():
    for text in (" " * 200_000, "<" * 200_000, CALLS_BEGIN * 10_000, (CALLS_BEGIN + "{") * 10_000):
        assert parse(text, 1000) == (text, [])
