"""Sorts the words after a verb into flags and positionals, as GNU programs do: in any order, `--flag value` or
`--flag=value`; `--` ends the flags, a lone `-` is a positional. All is still text here; `settings.py` converts it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sampan.cli.near import did_you_mean
from sampan.cli.parameters import REQUIRED, Parameter
from sampan.errors import UsageError


def sort_words(words: Sequence[str], parameters: Sequence[Parameter]) -> dict[str, tuple[str, ...]]:
    """The texts given for each parameter, by its name; a parameter that was not given is absent.

    A switch `--x` has the text "true", its opposite `--no-x` "false". Of a flag that takes one value the last counts.

    Raises:
        UsageError: an unknown flag, a flag without its value, or too many positionals.
    """
    flags = {parameter.flag: parameter for parameter in parameters if not parameter.positional}
    opposites = {f"--no-{parameter.key}": parameter for parameter in flags.values() if parameter.kind is bool}
    given: dict[str, tuple[str, ...]] = {}
    positionals: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            positionals += rest
            break
        if word == "-" or not word.startswith("-"):
            positionals.append(word)
            continue
        flag, equals, value = word.partition("=")
        parameter = flags.get(flag) or opposites.get(flag)
        if parameter is None:
            known = opposites if flag.startswith("--no-") else flags
            otherwise = "see --help; before a word that begins with - write --"
            raise UsageError(f"unknown option {flag}", remedy=did_you_mean(flag, known, otherwise))
        if parameter.kind is bool:
            if equals:
                raise UsageError(f"{flag} takes no value", remedy=f"write --{parameter.key} or --no-{parameter.key}")
            value = "true" if flag in flags else "false"
        elif not equals:
            following = next(rest, None)
            if following is None:
                raise UsageError(f"{flag} needs a value", remedy=f"write {flag} {parameter.metavar}")
            value = following
        given[parameter.name] = (*given.get(parameter.name, ()), value) if parameter.many else (value,)
    return given | _place(positionals, [parameter for parameter in parameters if parameter.positional])


def _place(words: Sequence[str], parameters: Sequence[Parameter]) -> dict[str, tuple[str, ...]]:
    """Required positionals come first, optional ones from the left: `[MODEL] PROMPT` takes one word as the prompt."""
    if len(words) > len(parameters):
        raise UsageError(f"one word too many: {words[len(parameters)]!r}", remedy="put text with spaces in quotes")
    spare = len(words) - sum(parameter.default is REQUIRED for parameter in parameters)
    placed: dict[str, tuple[str, ...]] = {}
    rest = iter(words)
    for parameter in parameters:
        if parameter.default is not REQUIRED:
            if spare <= 0:
                continue
            spare -= 1
        word = next(rest, None)
        if word is not None:
            placed[parameter.name] = (word,)
    return placed
