"""Stop strings: any chunking finds what the whole text holds, and only possible beginnings are held back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sampan.text import StopMatcher

chunks = st.lists(st.text("ab。", max_size=4))
stops = st.lists(st.text("ab。", min_size=1, max_size=4), max_size=3)


def run(matcher: StopMatcher, chunks: list[str]) -> tuple[str, str | None]:
    texts = [matcher.push(chunk)[0] for chunk in chunks]
    return "".join(texts) + matcher.finish(), matcher.matched


def first_match(text: str, stops: list[str]) -> tuple[int, str] | None:
    """Where the text ends at which the first stop string is complete, and the longest that is."""
    for end in range(len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return end, max(found, key=len)
    return None


@given(chunks, stops, st.booleans())
def test_any_chunking_equals_the_whole(chunks: list[str], stops: list[str], include_stop: bool) -> None:
    text = "".join(chunks)
    match = first_match(text, stops)
    emitted, matched = run(StopMatcher(stops, include_stop=include_stop), chunks)
    if match is None:
        assert (emitted, matched) == (text, None)
    else:
        end, stop = match
        assert (emitted, matched) == (text[: end if include_stop else end - len(stop)], stop)


@given(chunks, stops)
def test_no_more_is_held_back_than_the_beginning_of_a_stop_string(chunks: list[str], stops: list[str]) -> None:
    matcher = StopMatcher(stops)
    text = emitted = ""
    for chunk in chunks:
        text += chunk
        out, matched = matcher.push(chunk)
        emitted += out
        if matched is not None:
            return
        held = text.removeprefix(emitted)
        beginnings = [stop[:length] for stop in stops for length in range(len(stop))]
        assert held == max((b for b in beginnings if text.endswith(b)), key=len, default="")


def test_after_a_match_nothing_leaves() -> None:
    matcher = StopMatcher(["ab"])
    assert matcher.push("xabyz") == ("x", "ab")
    assert matcher.rest == "yz"
    assert matcher.push("more") == ("", "ab")
    assert matcher.finish() == ""


def test_a_beginning_that_comes_to_nothing_is_let_go() -> None:
    matcher = StopMatcher(["\n\nUser"])
    assert matcher.push("hi\n") == ("hi", None)
    assert matcher.push("\n\nUs") == ("\n", None)
    assert matcher.push("ing") == ("\n\nUsing", None)
    assert matcher.push("\n\n") == ("", None)
    assert matcher.finish() == "\n\n"


def test_of_two_that_end_together_the_longer_is_reported() -> None:
    assert StopMatcher(["b", "ab"]).push("aab") == ("a", "ab")
    assert StopMatcher(["abc", "b"]).push("abc") == ("a", "b")
