"""Words of a command line, sorted."""

import contextlib
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.cli.parameters import Argument, Option, read_parameters
from sampan.cli.words import sort_words
from sampan.errors import UsageError


def verb(
    *,
    model: Annotated[str, Argument("m")] = "tiny",
    prompt: Annotated[str, Argument("p")],
    max_tokens: Annotated[int, Option("n")] = 7,
    stop: Annotated[tuple[str, ...], Option("s", metavar="TEXT")] = (),
    thinking: Annotated[bool, Option("t")] = True,
) -> int:
    return 0


PARAMETERS = read_parameters(verb)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["hi"], {"prompt": ("hi",)}),
        (["qwen", "hi"], {"model": ("qwen",), "prompt": ("hi",)}),
        (["qwen", "--max-tokens", "3", "hi"], {"max_tokens": ("3",), "model": ("qwen",), "prompt": ("hi",)}),
        (["hi", "--max-tokens=3"], {"max_tokens": ("3",), "prompt": ("hi",)}),
        (["hi", "--max-tokens=3", "--max-tokens", "4"], {"max_tokens": ("4",), "prompt": ("hi",)}),
        (["--stop", "a", "--stop=b=c", "hi"], {"stop": ("a", "b=c"), "prompt": ("hi",)}),
        (["--stop", "--thinking", "hi"], {"stop": ("--thinking",), "prompt": ("hi",)}),
        (["--thinking", "hi"], {"thinking": ("true",), "prompt": ("hi",)}),
        (["--thinking", "--no-thinking", "hi"], {"thinking": ("false",), "prompt": ("hi",)}),
        (["-"], {"prompt": ("-",)}),
        (["--", "--max-tokens"], {"prompt": ("--max-tokens",)}),
        (["--", "-1", "--"], {"model": ("-1",), "prompt": ("--",)}),
        ([""], {"prompt": ("",)}),
        ([], {}),
    ],
)
def test_sorts(words, expected):
    assert sort_words(words, PARAMETERS) == expected


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        (["--max-token", "3"], "unknown option --max-token", "did you mean --max-tokens?"),
        (["--no-thnking"], "unknown option --no-thnking", "did you mean --no-thinking?"),
        (["-5+3"], "unknown option -5+3", "see --help; before a word that begins with - write --"),
        (["--max-tokens"], "--max-tokens needs a value", "write --max-tokens N"),
        (["--thinking=no"], "--thinking takes no value", "write --thinking or --no-thinking"),
        (["a", "b", "c"], "one word too many: 'c'", "put text with spaces in quotes"),
    ],
)
def test_refuses_with_a_remedy(words, message, remedy):
    with pytest.raises(UsageError) as caught:
        sort_words(words, PARAMETERS)
    assert (caught.value.message, caught.value.remedy) == (message, remedy)


@given(st.lists(st.text(), max_size=4))
def test_any_words_are_sorted_or_refused(words):
    with contextlib.suppress(UsageError):
        assert set(sort_words(words, PARAMETERS)) <= {parameter.name for parameter in PARAMETERS}


@given(st.text(), st.text())
def test_words_after_two_dashes_arrive_unchanged(model, prompt):
    assert sort_words(["--", model, prompt], PARAMETERS) == {"model": (model,), "prompt": (prompt,)}
