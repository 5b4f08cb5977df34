"""Help texts, made from the command table and a verb's signature. Plain text, so that it costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sampan.cli.parameters import CONFIG, REQUIRED, Parameter, read_parameters
from sampan.cli.table import VERBS

TITLE = "Sampan: private reasoning models on your own machine"
COLUMN = 30  # where explanations begin


def program_help() -> str:
    """The text of `sampan --help`."""
    verbs = "\n".join(f"  {name:<{COLUMN - 2}}{verb.help}" for name, verb in VERBS.items())
    return f"""{TITLE}

Usage: sampan VERB [OPTIONS]

Verbs:
{verbs}

Options:
  {"--help":<{COLUMN - 2}}explain Sampan, or one verb: sampan VERB --help
  {"--version":<{COLUMN - 2}}show the version

A MODEL is a name from `sampan list` or a folder. Without one the embedded sampan-tiny answers: nothing to download.
  sampan generate "How do I reset my router password?"
"""


def verb_help(name: str, verb: Callable[..., int]) -> str:
    """The text of `sampan NAME --help`: usage, the verb's docstring, its options by group."""
    parameters = read_parameters(verb)
    usage = " ".join(p.metavar if p.default is REQUIRED else f"[{p.metavar}]" for p in parameters if p.positional)
    example = next((p for p in parameters if not p.positional and p.kind is int), None)
    blocks = [
        f"Usage: sampan {name} {f'{usage} ' if usage else ''}[OPTIONS]",
        _outdent(verb.__doc__ or ""),
        _section("Arguments", [p for p in parameters if p.positional]),
        _section("Options", [*(p for p in parameters if not p.positional and p.group is None), CONFIG]),
    ]
    for group in dict.fromkeys(p.group for p in parameters if p.group is not None):
        title = (group.options.__doc__ or "").partition("\n")[0].rstrip(".")
        blocks.append(_section(title, [p for p in parameters if p.group == group]))
    if example is not None:
        blocks.append(
            "Every option is also an environment variable and a key of the --config file\n"
            f"({example.flag}: {example.variable}, {example.key} = ...).\n"
            "The command line comes first, then the environment, then the file."
        )
    return "\n\n".join(block for block in blocks if block) + "\n"


def _outdent(docstring: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in docstring.strip().splitlines())


def _section(title: str, parameters: Sequence[Parameter]) -> str:
    return "\n".join([f"{title}:", *(_line(parameter) for parameter in parameters)]) if parameters else ""


def _line(parameter: Parameter) -> str:
    if parameter.positional:
        left = parameter.metavar
    elif parameter.kind is bool:
        left = f"--no-{parameter.key}" if parameter.default is True else parameter.flag
    else:
        left = f"{parameter.flag} {parameter.metavar}"
    notes = []
    if parameter.choices:
        notes.append(f"one of {', '.join(parameter.choices)}")
    if parameter.default not in (REQUIRED, None, (), "") and parameter.kind is not bool:
        notes.append(f"default {parameter.default}")
    text = f"{parameter.help} ({'; '.join(notes)})" if notes else parameter.help
    gap = " " * (COLUMN - 2 - len(left)) if len(left) < COLUMN - 3 else "\n" + " " * COLUMN
    return f"  {left}{gap}{text}"
