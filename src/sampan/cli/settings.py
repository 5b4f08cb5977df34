"""Where a verb's values come from. Every parameter is a flag, an environment variable and a key of one TOML file::

    --max-tokens 256        >  SAMPAN_MAX_TOKENS=256  >  max-tokens = 256  >  the default
    (the command line)         (the environment)         (--config FILE)      (the signature)

A key at the top of the file holds for every verb that has it, one in a table named after a verb for that verb alone.
The three spell their values differently, but each message names the place it came from.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sampan.cli.near import did_you_mean
from sampan.cli.parameters import REQUIRED, Parameter, read_parameters
from sampan.cli.table import VERBS
from sampan.errors import ConfigError, UsageError

SWITCHES = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "UTF-8 text"}


def settle(
    parameters: Sequence[Parameter],
    given: Mapping[str, tuple[str, ...]],
    environment: Mapping[str, str],
    file: Mapping[str, Any] = MappingProxyType({}),
    file_name: str = "",
) -> dict[str, Any]:
    """One value for each parameter, as keyword arguments of the verb (groups built).

    Args:
        given: texts of the command line, see `sort_words`.
        file: parsed keys of the configuration file that concern this verb.
        file_name: named in messages about them.

    Raises:
        UsageError: a value does not fit its parameter, or a required one is absent.
    """
    values: dict[str, Any] = {}
    groups: dict[str, tuple[type[Any], dict[str, Any]]] = {}
    for parameter in parameters:
        if parameter.name in given:
            value = _from_texts(parameter, given[parameter.name], parameter.flag)
        elif environment.get(parameter.variable):  # an empty variable is an absent one, as in a cleared shell export
            value = _from_texts(parameter, (environment[parameter.variable],), parameter.variable)
        elif parameter.key in file:
            value = _from_toml(parameter, file[parameter.key], f"{file_name}: {parameter.key}")
        elif parameter.default is REQUIRED:
            raise UsageError(f"{parameter.flag} is missing", remedy="see --help for what this verb takes")
        else:
            value = parameter.default
        if parameter.group is None:
            values[parameter.name] = value
        else:
            _, members = groups.setdefault(parameter.group.parameter, (parameter.group.options, {}))
            members[parameter.name] = value
    return values | {name: options(**members) for name, (options, members) in groups.items()}


def _from_texts(parameter: Parameter, texts: Sequence[str], source: str) -> Any:
    values = tuple(_convert(parameter, text, source) for text in texts)
    return values if parameter.many else values[0]


def _convert(parameter: Parameter, text: str, source: str) -> Any:
    try:
        text.encode()  # words of a command line may hold bytes that are not UTF-8
        value = SWITCHES[text.lower()] if parameter.kind is bool else parameter.kind(text)
    except (KeyError, ValueError):
        raise _misfit(parameter, text, source) from None
    return _choose(parameter, value, source)


def _from_toml(parameter: Parameter, value: Any, source: str) -> Any:
    values = value if parameter.many and isinstance(value, list) else [value]
    checked: list[Any] = []
    for item in values:
        if parameter.kind is float and type(item) is int:
            item = float(item)
        if type(item) is not parameter.kind:  # `isinstance` would take true for a number
            raise _misfit(parameter, item, source)
        checked.append(_choose(parameter, item, source))
    return tuple(checked) if parameter.many else checked[0]


def _choose(parameter: Parameter, value: Any, source: str) -> Any:
    if parameter.choices and value not in parameter.choices:
        raise UsageError(f"{source}: unknown choice {value!r}", remedy=f"choose from {', '.join(parameter.choices)}")
    return value


def _misfit(parameter: Parameter, value: object, source: str) -> UsageError:
    return UsageError(f"{source}: {value!r} is not {KINDS[parameter.kind]}", remedy=f"it means: {parameter.help}")


def read_file(name: str, verb: str) -> dict[str, Any]:
    """The keys of a TOML file that concern `verb`: those at the top that it has, and those of its own table.

    Raises:
        ConfigError: the file is absent or is not TOML, or a key is no option of the verb it is for.
    """
    options = {other: {parameter.key for parameter in read_parameters(entry.load())} for other, entry in VERBS.items()}
    tables: dict[str, dict[str, Any]] = {}
    shared: dict[str, Any] = {}
    for key, value in _parse(Path(name)).items():
        if not isinstance(value, dict):
            shared[key.replace("_", "-")] = value
        elif key in VERBS:
            tables[key] = {inner.replace("_", "-"): item for inner, item in value.items()}
        else:
            raise _unknown(f"{name}: unknown table [{key}]", key, VERBS)
    for key in shared:
        if not any(key in known for known in options.values()):
            raise _unknown(f"{name}: unknown key {key}", key, set().union(*options.values()))
    for other, table in tables.items():
        for key in table.keys() - options[other]:
            raise _unknown(f"{name}: unknown key {key} in [{other}]", key, options[other])
    return {key: value for key, value in shared.items() if key in options[verb]} | tables.get(verb, {})


def _parse(path: Path) -> dict[str, Any]:
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")  # the same library under its older name
    try:
        parsed: dict[str, Any] = toml.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", remedy="give --config a readable TOML file") from error
    except ValueError as error:  # also text that is not UTF-8
        raise ConfigError(f"{path} is not TOML: {error}", remedy="write lines like: max-tokens = 256") from error
    return parsed


def _unknown(message: str, name: str, known: Iterable[str]) -> ConfigError:
    otherwise = "keys are the options of sampan VERB --help, without dashes"
    return ConfigError(message, remedy=did_you_mean(name, known, otherwise))
