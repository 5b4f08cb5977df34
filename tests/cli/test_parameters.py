"""A signature describes the command line."""

from typing import Annotated, NamedTuple

from sampan.cli.parameters import REQUIRED, Argument, Group, Option, read_parameters


class Sampling(NamedTuple):
    """How tokens are drawn."""

    top_p: Annotated[float | None, Option("nucleus")] = None
    stop: Annotated[tuple[str, ...], Option("end here", metavar="TEXT")] = ()


def answer(
    *,
    model: Annotated[str, Argument("which")] = "tiny",
    prompt: Annotated[str, Argument("what")],
    sampling: Sampling,
    max_tokens: Annotated[int, Option("most")] = 7,
    json: Annotated[bool, Option("for scripts")] = False,
) -> int:
    return 0


def test_order_kinds_and_defaults_are_those_of_the_signature():
    facts = [(p.name, p.kind, p.many, p.default, p.positional) for p in read_parameters(answer)]
    assert facts == [
        ("model", str, False, "tiny", True),
        ("prompt", str, False, REQUIRED, True),
        ("top_p", float, False, None, False),
        ("stop", str, True, (), False),
        ("max_tokens", int, False, 7, False),
        ("json", bool, False, False, False),
    ]


def test_a_group_names_the_parameter_that_takes_it():
    groups = {p.name: p.group for p in read_parameters(answer)}
    assert groups["top_p"] == groups["stop"] == Group("sampling", Sampling)
    assert groups["model"] is groups["max_tokens"] is None


def test_the_three_spellings_of_one_parameter():
    by_name = {p.name: p for p in read_parameters(answer)}
    max_tokens = by_name["max_tokens"]
    assert (max_tokens.flag, max_tokens.variable, max_tokens.key) == ("--max-tokens", "SAMPAN_MAX_TOKENS", "max-tokens")
    assert by_name["prompt"].flag == "PROMPT"
    assert [by_name[name].metavar for name in ("max_tokens", "top_p", "stop")] == ["N", "X", "TEXT"]
