"""Where special tokens stand, and how users' texts are kept from holding any."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sampan.text.special_tokens import SpecialTokens

MARK = "\ufdd0"


def test_split_takes_the_leftmost_and_the_longest() -> None:
    tokens = SpecialTokens({"<a>": 1, "<a>b": 2, "a><": 3, "<c>": 4})
    assert list(tokens.split("<a><c>")) == [1, 4]
    assert list(tokens.split("x<a>by")) == ["x", 2, "y"]
    assert list(tokens.split("xa><c>")) == ["x", 3, "c>"]
    assert list(tokens.split("")) == []


def test_without_special_tokens_all_is_text() -> None:
    tokens = SpecialTokens({})
    assert list(tokens.split("<a>")) == ["<a>"]
    assert tokens.guard("<a>", MARK) == "<a>"


def test_a_token_of_one_character_is_text() -> None:
    assert list(SpecialTokens({"*": 1, "<*>": 2}).split("*<*>")) == ["*", 2]


def test_guard_leaves_other_text_alone() -> None:
    tokens = SpecialTokens({"<|eot|>": 1})
    assert tokens.guard("  如何? a|b \n", MARK) == "  如何? a|b \n"
    assert tokens.guard("1 < 2", MARK) == f"1 <{MARK} 2"
    assert tokens.guard(" eot ", MARK) == f" {MARK}eot "


def test_guard_withstands_what_templates_do() -> None:
    tokens = SpecialTokens({"<|eot|>": 1})
    guarded = tokens.guard("<|EOT|>", MARK)
    for text in (guarded.lower(), guarded.strip(), guarded[1:], "<" + tokens.guard("|eot|>", MARK)):
        assert 1 not in list(tokens.split(text))
    assert 1 not in list(tokens.split("<|" + tokens.guard("eot", MARK) + "|>"))
    assert 1 not in list(tokens.split(tokens.guard("x<| ", MARK).strip() + tokens.guard(" eot|>", MARK).strip()))


@given(st.sets(st.text("<>|a", min_size=2, max_size=4), max_size=6), st.text("<>|a"))
def test_split_is_that_of_trying_every_token_at_every_place(words: set[str], text: str) -> None:
    ids = {word: index for index, word in enumerate(sorted(words))}
    expected: list[str | int] = []
    place = 0
    while place < len(text):
        found = max((word for word in words if text.startswith(word, place)), key=len, default="")
        if found:
            expected.append(ids[found])
        elif expected and isinstance(last := expected[-1], str):
            expected[-1] = last + text[place]
        else:
            expected.append(text[place])
        place += len(found) or 1
    assert list(SpecialTokens(ids).split(text)) == expected


@given(st.sets(st.text("<>|a", min_size=2, max_size=4), max_size=6), st.text("<>|a"), st.text("<>|a"))
def test_guarded_text_never_holds_or_makes_a_token_with_other_guarded_text(
    words: set[str], left: str, right: str
) -> None:
    tokens = SpecialTokens({word: index for index, word in enumerate(sorted(words))})
    parts = list(tokens.split(tokens.guard(left, MARK) + tokens.guard(right, MARK)))
    assert all(isinstance(part, str) for part in parts)
    assert "".join(map(str, parts)).replace(MARK, "") == left + right
