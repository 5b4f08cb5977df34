"""How R1 models write tool calls and read their results: the tags of DeepSeek's chat template.

In the vocabularies of the distills the tags are plain text, not special tokens. What stands between them may come from
users and tools, so whoever puts it there guards it first (see `sampan.text.marks`).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

CALLS_BEGIN = "<｜tool▁calls▁begin｜>"
CALLS_END = "<｜tool▁calls▁end｜>"
CALL_BEGIN = "<｜tool▁call▁begin｜>"
CALL_END = "<｜tool▁call▁end｜>"
SEPARATOR = "<｜tool▁sep｜>"
OUTPUTS_BEGIN = "<｜tool▁outputs▁begin｜>"
OUTPUTS_END = "<｜tool▁outputs▁end｜>"
OUTPUT_BEGIN = "<｜tool▁output▁begin｜>"
OUTPUT_END = "<｜tool▁output▁end｜>"
CALL_HEAD = f"{CALL_BEGIN}function{SEPARATOR}"
ARGUMENTS_BEGIN = "\n```json\n"
ARGUMENTS_END = f"\n```{CALL_END}"


def spellings(tag: str) -> tuple[str, ...]:
    """A tag as distills write it: since it is no token of theirs, they take other bars and blanks now and then."""
    bars, blanks = "｜|", ("▁", "_", " ", "\\_")
    return tuple(tag.replace("｜", bar).replace("▁", blank) for bar, blank in product(bars, blanks))


def show_call(name: str, arguments: str) -> str:
    """One call.

    Args:
        arguments: JSON text.
    """
    return f"{CALL_HEAD}{name}{ARGUMENTS_BEGIN}{arguments}{ARGUMENTS_END}"


def show_calls(calls: Iterable[tuple[str, str]]) -> str:
    """All calls of a turn, as names and arguments."""
    return CALLS_BEGIN + "\n".join(show_call(*call) for call in calls) + CALLS_END


def show_outputs(outputs: Iterable[str]) -> str:
    """The results of a turn's calls, in their order."""
    return OUTPUTS_BEGIN + "\n".join(OUTPUT_BEGIN + output + OUTPUT_END for output in outputs) + OUTPUTS_END


def describe_tools(functions: Iterable[str]) -> str:
    """What the system text says where a chat template says nothing of tools.

    Args:
        functions: each in JSON, in one line.
    """
    lines = "\n".join(functions)
    form = show_calls([("NAME", '{"argument": "value"}')])
    return (
        f"You can call these functions, described in JSON, one a line:\n\n{lines}\n\n"
        f"To call one, end your answer with the call in exactly this form, then wait for its result:\n\n{form}\n\n"
        f"Each further call goes on a new line before {CALLS_END}. Where no function helps, answer without calls."
    )
