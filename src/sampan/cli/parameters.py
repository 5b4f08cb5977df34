"""Reads a verb's parameters off its signature: the annotations are the only description of the command line.

A verb is a function of keyword-only parameters. `Annotated[int, Option("...")]` is a `--flag`, `Annotated[str,
Argument("...")]` a positional word, and a `NamedTuple` class a group of such options that several verbs share::

    def generate(*, model: Annotated[str, Argument("...")] = "sampan-tiny", sampling: Sampling) -> int: ...

`inspect` and `dataclasses` are avoided on purpose: importing them costs more than all of `--help`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints


class Option(NamedTuple):
    """Describes a `--flag`."""

    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()


class Argument(NamedTuple):
    """Describes a positional word."""

    help: str
    choices: tuple[str, ...] = ()


class Group(NamedTuple):
    """A `NamedTuple` class of options and the name of the parameter that takes it."""

    parameter: str
    options: type[Any]


REQUIRED: Final = object()


class Parameter(NamedTuple):
    """One value that a verb takes."""

    name: str  # as in Python: max_tokens
    kind: type[Any]  # bool, int, float or str
    many: bool  # may be given several times; the value is a tuple
    default: Any  # REQUIRED where there is none
    help: str
    metavar: str
    choices: tuple[str, ...]
    positional: bool
    group: Group | None

    @property
    def key(self) -> str:
        """As a key of the configuration file: `max-tokens`."""
        return self.name.replace("_", "-")

    @property
    def flag(self) -> str:
        """As a flag, `--max-tokens`; a positional has none and is known by its metavar."""
        return self.metavar if self.positional else f"--{self.key}"

    @property
    def variable(self) -> str:
        """As an environment variable: `SAMPAN_MAX_TOKENS`."""
        return f"SAMPAN_{self.name.upper()}"


CONFIG: Final = Parameter(
    name="config",
    kind=str,
    many=False,
    default="",
    help="a TOML file with any of these options",
    metavar="FILE",
    choices=(),
    positional=False,
    group=None,
)  # of every verb, and settled before all others


def read_parameters(verb: Callable[..., int]) -> tuple[Parameter, ...]:
    """The parameters of a verb, groups flattened, in the order of its signature."""
    parameters: list[Parameter] = []
    defaults = verb.__kwdefaults__ or {}
    hints = get_type_hints(verb, include_extras=True)
    hints.pop("return", None)
    for name, annotation in hints.items():
        hint = _without_none(annotation)  # Python 3.10 adds None where the default is None
        if get_origin(hint) is Annotated:
            parameters.append(_parameter(name, hint, defaults.get(name, REQUIRED), None))
        else:
            group = Group(name, hint)
            members = get_type_hints(hint, include_extras=True)
            parameters += [
                _parameter(member, members[member], hint._field_defaults.get(member, REQUIRED), group)
                for member in hint._fields
            ]
    return tuple(parameters)


def _parameter(name: str, hint: Any, default: Any, group: Group | None) -> Parameter:
    annotated_type, description = get_args(hint)
    value_type = _without_none(annotated_type)  # None stands for "not given"
    many = get_origin(value_type) is tuple
    if many:
        value_type = get_args(value_type)[0]
    metavar = getattr(description, "metavar", "") or {int: "N", float: "X"}.get(value_type, name.upper())
    return Parameter(
        name=name,
        kind=value_type,
        many=many,
        default=default,
        help=description.help,
        metavar=metavar,
        choices=description.choices,
        positional=isinstance(description, Argument),
        group=group,
    )


def _without_none(hint: Any) -> Any:
    """`int` for `int | None`; other hints as they are."""
    if get_origin(hint) not in (UnionType, Union):
        return hint
    (kept,) = (part for part in get_args(hint) if part is not type(None))
    return kept
