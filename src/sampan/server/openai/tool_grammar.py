"""The constraint under which calls can only be right: R1's syntax, a known name, arguments that follow its schema.

In llguidance's notation, which takes a JSON schema for a part of a grammar.
"""

from __future__ import annotations

import json
from typing import Any

from sampan.engine.structured import StructuredOutputsParams
from sampan.engine.structured.grammar import WHITESPACE
from sampan.errors import RequestError
from sampan.server.openai.tools import FunctionFields, ToolPlan
from sampan.text.tool_syntax import ARGUMENTS_BEGIN, ARGUMENTS_END, CALL_HEAD, CALLS_BEGIN, CALLS_END


def tool_constraint(plan: ToolPlan, wanted: StructuredOutputsParams | None) -> StructuredOutputsParams | None:
    """What an answer with tools must look like.

    Calls that must come, and calls of functions with `strict`, are right by construction. Where nothing is demanded of
    calls, the answer is as free as `wanted` leaves it; where that is JSON, calls may come in its place.

    Raises:
        RequestError: a constraint of another kind cannot go with calls that must come, or parameters are no object.
    """
    is_json = wanted is not None and (wanted.json_object or wanted.json is not None)
    if wanted is not None and not is_json:
        if not plan.is_required:
            return wanted
        raise RequestError(
            "the answer cannot be a tool call and follow another constraint as well",
            param="tool_choice",
            remedy="send one of them",
        )
    if plan.is_required:
        return _grammar(plan, "calls")
    if wanted is not None:
        schema = {"type": "object"} if wanted.json_object else json.loads(str(wanted.json))
        return _grammar(plan, f"calls | %json {_schema(schema, is_strict=wanted.json_object or wanted.strict)}")
    if plan.is_always_valid or any(function.strict for function in plan.callable):
        return _grammar(
            plan, f"ANYTHING | begun {_rest(plan)}\nANYTHING: /(?s:.*)/\nbegun[lazy]: ANYTHING {_text(CALLS_BEGIN)}"
        )
    return None


def _grammar(plan: ToolPlan, start: str) -> StructuredOutputsParams:
    rules = [f"start: {start}", f"calls: {_text(CALLS_BEGIN)} {_rest(plan)}"]
    rules.append("call: " + " | ".join(f"call_{number}" for number in range(len(plan.callable))))
    for number, function in enumerate(plan.callable):
        head, end = _text(CALL_HEAD + function.name + ARGUMENTS_BEGIN), _text(ARGUMENTS_END)
        rules.append(f"call_{number}: {head} %json {_arguments(function)} {end}")
    return StructuredOutputsParams(grammar="\n".join(rules))


def _rest(plan: ToolPlan) -> str:
    """All calls behind the tag that opens them."""
    more = f' ("\\n" call){{0,{plan.max_calls - 1}}}' if plan.max_calls > 1 else ""
    return f"call{more} {_text(CALLS_END)}"


def _arguments(function: FunctionFields) -> str:
    schema = {"type": "object", **(function.parameters or {})}
    if schema["type"] != "object":
        raise RequestError(
            f"the parameters of {function.name} are no object", param="tools", remedy='use a schema of type "object"'
        )
    return _schema(schema, is_strict=bool(function.strict))


def _schema(schema: dict[str, Any], *, is_strict: bool) -> str:
    options = {"whitespace_pattern": WHITESPACE, "item_separator": ",", "key_separator": ":", "lenient": not is_strict}
    return _text({**schema, "x-guidance": options})


def _text(value: str | dict[str, Any]) -> str:
    """In JSON, which is how the notation writes strings as well. A grammar with `::=` would be taken for GBNF."""
    return json.dumps(value, ensure_ascii=False).replace("::=", ":\\u003a=")
