"""The paraphrase patterns."""

from __future__ import annotations

import random

import pytest
from recipes.tiny.corpus.grammar import expand
from recipes.tiny.corpus.noise import roughen
from recipes.tiny.corpus.sample import language_of


def all_of(pattern: str, **lists: list[str]) -> set[str]:
    rng = random.Random(0)
    return {expand(pattern, rng, lists) for _ in range(400)}


def test_choices_spell_every_combination() -> None:
    assert all_of("[a|b|]-[x[1|2]|y]") == {"a-x1", "a-x2", "a-y", "b-x1", "b-x2", "b-y", "-x1", "-x2", "-y"}


def test_lists_are_patterns_themselves() -> None:
    assert all_of("{verb} it", verb=["do", "[re|un]do"]) == {"do it", "redo it", "undo it"}


@pytest.mark.parametrize("pattern", ["[a|b", "x[", "[a|[b]"])
def test_a_bracket_that_never_closes_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="without"):
        expand(pattern, random.Random(0), {})


def test_an_unknown_list_is_refused() -> None:
    with pytest.raises(KeyError):
        expand("{nowhere}", random.Random(0), {})


def test_roughening_leaves_digits_alone() -> None:
    rng = random.Random(1)
    for _ in range(500):
        text = roughen("what is 47 times 38", "en", rng, typos=0.9)
        assert [part for part in ("47", "38") if part in text] == ["47", "38"]


def test_the_language_is_that_of_the_prompt() -> None:
    assert [language_of(text) for text in ("12*7=", "VPN怎么设", "reset it")] == ["en", "zh", "en"]
