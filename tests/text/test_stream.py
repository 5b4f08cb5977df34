"""Tokens to what a reader sees: stop strings, thought and answer, and how many tokens the thought took."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.text import TextDelta, TextStream, Tokenizer

END = 151643
THOUGHT = "好的。\n</think>\n\n42 🦙"


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode_with_specials(text)


def run(stream: TextStream, chunks: list[list[int]]) -> TextDelta:
    total = TextDelta()
    for chunk in chunks:
        total += stream.push(chunk)
    return total + stream.finish()


@given(data=st.data(), starts=st.sampled_from([True, False, None]), include=st.booleans())
def test_any_chunking_equals_the_whole(tokenizer: Tokenizer, data: Any, starts: bool | None, include: bool) -> None:
    pieces = ["<think>", "</think>", "\n", "。", "好", "🦙", "ab", "<", "<｜User｜>"]
    ids = ids_of(tokenizer, data.draw(st.lists(st.sampled_from(pieces)).map("".join)))
    ids = ids[: data.draw(st.integers(0, len(ids)))]
    stop = data.draw(st.lists(st.sampled_from(["。", "\n\n", "</think>", "b好", "ink"]), max_size=2))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(ids)))))
    chunks = [ids[start:end] for start, end in zip([0, *cuts], [*cuts, len(ids)], strict=True)]

    def streams() -> TextStream:
        return TextStream(tokenizer, stop=stop, include_stop=include, starts_in_reasoning=starts)

    whole, parts = streams(), streams()
    total = run(whole, [ids])
    assert run(parts, chunks) == total
    assert (parts.num_tokens, parts.num_reasoning_tokens) == (whole.num_tokens, whole.num_reasoning_tokens)
    assert (whole.text, whole.stopped_by) == (total.text, total.stopped_by)
    assert whole.reasoning == (total.reasoning if whole.reasoning is not None else None)
    assert whole.content == (total.content if whole.content is not None else None)
    if not stop:
        assert whole.text == tokenizer.decode(ids)


def test_thought_and_answer(tokenizer: Tokenizer) -> None:
    stream = TextStream(tokenizer, starts_in_reasoning=True)
    run(stream, [[token_id] for token_id in ids_of(tokenizer, THOUGHT)])
    assert (stream.text, stream.reasoning, stream.content) == (THOUGHT, "好的。\n", "42 🦙")
    assert stream.num_reasoning_tokens == len(ids_of(tokenizer, "好的。\n</think>"))
    assert stream.num_tokens == len(ids_of(tokenizer, THOUGHT))


def test_a_thought_that_is_cut_off(tokenizer: Tokenizer) -> None:
    stream = TextStream(tokenizer, starts_in_reasoning=True)
    ids = ids_of(tokenizer, "好的。")
    run(stream, [ids])
    assert (stream.reasoning, stream.content, stream.num_reasoning_tokens) == ("好的。", None, len(ids))


def test_a_thought_that_the_model_opens_itself(tokenizer: Tokenizer) -> None:
    stream = TextStream(tokenizer, starts_in_reasoning=False)
    ids = ids_of(tokenizer, "<think>\n好</think>是")
    run(stream, [ids])
    assert (stream.reasoning, stream.content) == ("好", "是")
    assert stream.num_reasoning_tokens == len(ids) - len(ids_of(tokenizer, "是"))


def test_no_thought(tokenizer: Tokenizer) -> None:
    for starts in (False, None):
        stream = TextStream(tokenizer, starts_in_reasoning=starts)
        run(stream, [ids_of(tokenizer, "是的")])
        assert (stream.reasoning, stream.content, stream.num_reasoning_tokens) == (None, "是的", 0)
    unsplit = TextStream(tokenizer)
    run(unsplit, [ids_of(tokenizer, THOUGHT)])
    assert (unsplit.reasoning, unsplit.content) == (None, THOUGHT)


def test_a_stop_string_ends_the_answer_and_what_follows_does_not_count(qwen: Tokenizer) -> None:
    ids = ids_of(qwen, "a</think>b。c。d")
    stream = TextStream(qwen, stop=["。c"], starts_in_reasoning=True)
    assert stream.push(ids[:4]) == TextDelta("a</think>b", "a", "b")
    assert stream.push(ids[4:]) == TextDelta("", "", "", "。c")
    assert stream.push(ids) == TextDelta("", "", "", "。c")
    assert stream.finish() == TextDelta("", "", "", "。c")
    assert (stream.text, stream.stopped_by, stream.num_tokens) == ("a</think>b", "。c", 5)
    included = TextStream(qwen, stop=["。c"], include_stop=True, starts_in_reasoning=True)
    assert run(included, [ids]) == TextDelta("a</think>b。c", "a", "b。c", "。c")


def test_what_a_stop_string_holds_back_counts_already(qwen: Tokenizer) -> None:
    stream = TextStream(qwen, stop=["</think>\n\nNo"], starts_in_reasoning=True)
    assert stream.push(ids_of(qwen, "a</think>")) == TextDelta("a", "a")
    assert (stream.num_tokens, stream.num_reasoning_tokens) == (2, 2)
    assert stream.push(ids_of(qwen, "b")) == TextDelta("</think>b", "", "b")
    assert stream.num_reasoning_tokens == 2


def test_the_token_that_ends_the_answer_is_no_text(qwen: Tokenizer) -> None:
    user = qwen.encode_with_specials("<｜User｜>")
    for include_stop, text in ((False, "a"), (True, "a<｜User｜>")):
        stream = TextStream(qwen, include_stop=include_stop)
        assert stream.push([*qwen.encode("a"), *user], last_is_stop=True).text + stream.finish().text == text
        assert stream.num_tokens == 2


@pytest.mark.parametrize(("skip", "text"), [(True, "a"), (False, "a<｜end▁of▁sentence｜>")])
def test_end_token_in_the_text(qwen: Tokenizer, skip: bool, text: str) -> None:
    stream = TextStream(qwen, skip_special_tokens=skip)
    run(stream, [[*qwen.encode("a"), END]])
    assert stream.text == text


def test_half_a_character_at_the_end(qwen: Tokenizer) -> None:
    stream = TextStream(qwen, stop=["�"])
    assert stream.push(qwen.encode(" 🦙")[:1]) == TextDelta(" ", "", " ")
    assert stream.finish() == TextDelta("", "", "", "�")


def test_tags_that_the_tokenizer_calls_special_still_split(edited: Any) -> None:
    def make_special(data: dict[str, Any]) -> None:
        for token in data["added_tokens"]:
            token["special"] = True

    tokenizer = Tokenizer.from_dir(edited(tokenizer=make_special))
    assert tokenizer.think_end_id in tokenizer.special_ids
    stream = TextStream(tokenizer, starts_in_reasoning=True)
    run(stream, [ids_of(tokenizer, THOUGHT + "<｜User｜>")])
    assert (stream.text, stream.reasoning, stream.content) == (THOUGHT, "好的。\n", "42 🦙")
