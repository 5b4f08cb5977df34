"""Streams of tokens give whole characters, and in the end what decoding all at once gives."""

from __future__ import annotations

import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from sampan.text import IncrementalDetokenizer, Tokenizer

token_ids = st.lists(st.integers(0, 260) | st.integers(151640, 151670) | st.integers(127998, 128020))


def run(tokenizer: Tokenizer, chunks: list[list[int]], skip: bool) -> list[str]:
    detokenizer = IncrementalDetokenizer(tokenizer, skip_special_tokens=skip)
    return [detokenizer.push(chunk) for chunk in chunks] + [detokenizer.finish()]


@given(chunks=st.lists(token_ids), skip=st.booleans())
def test_any_chunking_equals_the_whole(
    tokenizer: Tokenizer, library: tokenizers.Tokenizer, chunks: list[list[int]], skip: bool
) -> None:
    ids = [token_id for chunk in chunks for token_id in chunk]
    text = "".join(run(tokenizer, chunks, skip))
    assert text == tokenizer.decode(ids, skip_special_tokens=skip)
    assert text == library.decode(ids, skip_special_tokens=skip)


@given(st.text())
def test_only_whole_characters_leave(tokenizer: Tokenizer, text: str) -> None:
    parts = run(tokenizer, [[token_id] for token_id in tokenizer.encode(text)], True)
    assert "".join(parts) == tokenizer.decode(tokenizer.encode(text))
    assert "�" in text or not any("�" in part for part in parts)


def test_half_a_character_waits_for_its_other_half(qwen: Tokenizer) -> None:
    first, *others = qwen.encode(" 🦙")
    detokenizer = IncrementalDetokenizer(qwen)
    assert detokenizer.push([first]) == " "
    assert detokenizer.push(others) == "🦙"
    assert detokenizer.finish() == ""


def test_a_character_that_stays_half_is_replaced(qwen: Tokenizer) -> None:
    first, *_ = qwen.encode(" 🦙")
    assert run(qwen, [[first], qwen.encode("a")], True) == [" ", "�a", ""]
    assert run(qwen, [qwen.encode("a"), [first]], True) == ["a", " ", "�"]


def test_kept_special_tokens(qwen: Tokenizer) -> None:
    end, user = 151643, 151644
    assert run(qwen, [[end, user]], True) == ["<｜User｜>", ""]
    assert run(qwen, [[end, user]], False) == ["<｜end▁of▁sentence｜><｜User｜>", ""]
    assert IncrementalDetokenizer(qwen, keep=frozenset([end])).push([end]) == "<｜end▁of▁sentence｜>"
