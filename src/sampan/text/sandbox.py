"""Runs chat templates, which come with model files and are foreign code: Jinja in its sandbox, with a budget.

The sandbox keeps a template from Python's insides; it does not keep it from looping for hours or from doubling a text
until memory ends. So each template is rewritten before it is compiled: whatever it loops over, puts together, prints or
hands to a filter passes through a meter, and calls and operators do so in the sandbox's own hooks. Work is counted in
characters and list items, nested values in full, before they can be used; the time is that of the thread, so a busy
machine refuses nothing. What the meter cannot see into is not allowed: filters, methods and functions are listed here,
with what chat templates use.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import Template, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

MAX_TEMPLATE_CHARS = 256 * 1024
MAX_WORK = 32 * 1024 * 1024
# What these cost, in characters of about the same memory: a place in a list or dictionary, and a text in it.
PLACE, PIECE = 8, 64
MAX_SECONDS = 2.0

_BUDGET = " budget"  # a variable that no template can name
# fmt: off
_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "int", "items",
    "last", "length", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "round", "safe", "select",
    "selectattr", "string", "trim", "unique", "upper",
)
_STRING_METHODS = (
    "capitalize", "count", "endswith", "find", "index", "isalnum", "isalpha", "isdigit", "isspace", "join", "lower",
    "lstrip", "removeprefix", "removesuffix", "replace", "rfind", "rsplit", "rstrip", "split", "startswith",
    "strip", "title", "upper",
)
# fmt: on
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset(_STRING_METHODS),
    dict: frozenset(("get", "items", "keys", "values")),
    list: frozenset(("count", "index")),
    tuple: frozenset(("count", "index")),
}
_TEMPLATE_OBJECTS = (Namespace, LoopContext, Macro)  # their own attributes are what Jinja lets templates use


class WorkBudget:
    """What one rendering may cost: characters and items made or moved, and seconds of the thread's processor time."""

    def __init__(self, work: int = MAX_WORK, seconds: float = MAX_SECONDS) -> None:
        self._left = work
        self._deadline = time.thread_time() + seconds

    def spend(self, work: int) -> None:
        """Takes `work` off.

        Raises:
            SecurityError: work or time is used up.
        """
        self._left -= work
        if self._left < 0 or time.thread_time() > self._deadline:
            raise SecurityError("the chat template does more work than a prompt needs")

    def spend_value(self, value: Any) -> None:
        """Takes the full size of a value off; a list that holds another twice counts it twice, as printing it would."""
        pending = [value]
        while pending:
            item = pending.pop()
            if isinstance(item, str):
                self.spend(len(item) + 1)
            elif isinstance(item, int):
                self.spend(item.bit_length() ** 2 // 1024 + 1)  # multiplying and printing are quadratic
            elif item is None or isinstance(item, (float, Undefined)):
                self.spend(1)
            elif isinstance(item, Mapping):
                self.spend(2 * PLACE * len(item) + 1)
                pending.extend(item)
                pending.extend(item.values())
            elif isinstance(item, (list, tuple)):
                self.spend(PLACE * len(item) + 1)
                pending.extend(item)
            elif item is value and not isinstance(item, _TEMPLATE_OBJECTS):
                self.spend(1)  # a range, a view or a function: what comes out of it is metered then
            else:
                raise SecurityError(f"a chat template cannot use a {type(item).__name__} as a value")


class TemplateSandbox(ImmutableSandboxedEnvironment):
    """Compiles and renders chat templates as Hugging Face's `apply_chat_template` does, within a `WorkBudget`."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.filters.update(
            metered=_metered,
            paced=_paced,
            join=_join_filter,
            list=_list_filter,
            replace=_replace_filter,
            tojson=_tojson,
        )
        self.globals = {name: self.globals[name] for name in ("dict", "namespace", "range")}
        self.globals.update(raise_exception=_raise_exception, strftime_now=_strftime_now)

    def load(self, source: str) -> Template:
        """Compiles a template.

        Raises:
            TemplateError: it is too long or not Jinja. Others too, such as RecursionError: it is foreign code.
        """
        if len(source) > MAX_TEMPLATE_CHARS:
            raise TemplateError(f"it has more than {MAX_TEMPLATE_CHARS} characters")
        return self.from_string(_MeterInserter().visit(self.parse(source)))

    def uses(self, source: str, name: str) -> bool:
        """Whether a template that `load` takes looks at the variable `name`."""
        return name in find_undeclared_variables(self.parse(source))

    def render(self, template: Template, variables: Mapping[str, Any], budget: WorkBudget | None = None) -> str:
        """Renders a template of `load`.

        Raises:
            TemplateError: the template refuses its input, or (SecurityError) goes beyond its budget.
            Exception: whatever else foreign code comes to.
        """
        return "".join(template.generate({**variables, _BUDGET: budget or WorkBudget()}))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, _TEMPLATE_OBJECTS):
            return super().is_safe_attribute(obj, attr, value)
        return any(attr in names for kind, names in _METHODS.items() if isinstance(obj, kind))

    def wrap_str_format(self, value: Any) -> None:
        """Methods like `str.format` get no exception: a width in the format could be of any size."""

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        budget: WorkBudget = __context[_BUDGET]
        budget.spend(1)
        owner, name = getattr(__obj, "__self__", None), getattr(__obj, "__name__", None)
        if isinstance(owner, str) and name == "join":
            return _join(budget, owner, *args)
        if isinstance(owner, str) and name == "replace":
            return _replace(budget, owner, *args)
        if isinstance(owner, str) and name in ("split", "rsplit"):
            _spend_split(budget, owner, *args)
        result = super().call(__context, __obj, *args, **kwargs)
        if isinstance(result, (str, int, Mapping, list, tuple)):
            budget.spend_value(result)
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        budget: WorkBudget = context[_BUDGET]
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"a chat template cannot use {operator!r} on {type(left).__name__} values")
        for sequence, times in ((left, right), (right, left)):
            if operator == "*" and isinstance(sequence, (str, list, tuple)) and isinstance(times, int):
                budget.spend(PLACE * len(sequence) * max(times, 0))
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, (list, tuple)):
            budget.spend(PLACE * len(result))  # what is in it was counted when it was made
        else:
            budget.spend_value(result)
        return result


class _MeterInserter(NodeTransformer):
    """Puts the filters `metered` and `paced` where values are made, moved or looped over."""

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        super().generic_visit(node)
        if isinstance(node, nodes.For):
            node.iter = _filtered("paced", node.iter)
        elif isinstance(node, (nodes.Output, nodes.Concat)):
            node.nodes = [_filtered("metered", child) for child in node.nodes]
        elif isinstance(node, nodes.Filter):
            node.args = [_filtered("metered", argument) for argument in node.args]
            for pair in node.kwargs:
                pair.value = _filtered("metered", pair.value)
            if node.node is None:  # over a block, whose text was metered piece by piece
                return node
            node.node = _filtered("metered", node.node)
        is_made = isinstance(node, (nodes.List, nodes.Dict, nodes.Filter))
        if is_made or (isinstance(node, nodes.Tuple) and node.ctx == "load"):
            return _filtered("metered", node)
        return node


def _filtered(name: str, node: nodes.Node) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


@pass_context
def _metered(context: Context, value: Any) -> Any:
    budget: WorkBudget = context[_BUDGET]
    if isinstance(value, Iterator) and not isinstance(value, _TEMPLATE_OBJECTS):
        return _metered_items(budget, value)
    budget.spend_value(value)
    return value


def _metered_items(budget: WorkBudget, items: Iterator[Any]) -> Iterator[Any]:
    for item in items:
        budget.spend_value(item)
        yield item


@pass_context
def _paced(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    budget: WorkBudget = context[_BUDGET]
    for item in items:
        budget.spend(1)
        yield item


@pass_context
def _list_filter(context: Context, items: Iterable[Any]) -> list[Any]:
    budget: WorkBudget = context[_BUDGET]
    result = []
    for item in items:
        budget.spend(PIECE)
        result.append(item)
    return result


@pass_context
def _join_filter(context: Context, items: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    if attribute is not None:
        items = [context.environment.getitem(item, attribute) for item in items]
    return _join(context[_BUDGET], d, map(str, items))


@pass_context
def _replace_filter(context: Context, text: Any, old: str, new: str, count: int = -1) -> str:
    return _replace(context[_BUDGET], str(text), old, new, -1 if count is None else count)


@pass_context
def _tojson(
    context: Context,
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as it is, not escaped for HTML as Jinja's own filter does."""
    if ensure_ascii:
        raise SecurityError("a chat template cannot use tojson with ensure_ascii=true")
    if indent is not None and not 0 <= int(indent) <= 16:
        raise SecurityError("a chat template cannot indent JSON by more than 16")
    encoder = json.JSONEncoder(ensure_ascii=False, indent=indent, separators=separators, sort_keys=sort_keys)
    return _join(context[_BUDGET], "", encoder.iterencode(value))


def _join(budget: WorkBudget, separator: str, items: Iterable[str]) -> str:
    pieces = []
    for item in items:
        budget.spend(len(item) + len(separator) + PIECE)
        pieces.append(item)
    return separator.join(pieces)


def _replace(budget: WorkBudget, text: str, old: str, new: str, count: int = -1) -> str:
    times = text.count(old) if count < 0 else min(count, text.count(old))
    budget.spend(len(text) + times * len(new))
    return text.replace(old, new, count)


def _spend_split(budget: WorkBudget, text: str, separator: str | None = None, maxsplit: int = -1) -> None:
    most = text.count(separator) if separator else len(text) // 2
    budget.spend(PIECE * (most if maxsplit < 0 else min(most, maxsplit)))


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(str(message))


def _strftime_now(format: str) -> str:
    if not re.fullmatch(r"(?:[^%]|%-?[A-Za-z%]){0,64}", format):
        raise SecurityError("a chat template cannot use this format of strftime_now")
    return datetime.now().strftime(format)
