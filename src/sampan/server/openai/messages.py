"""How OpenAPI describes the parts of a chat request that `sampan.text` checks."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

MAX_MESSAGES = 4096

_TEXT = {"type": "string"}
_OPTIONAL_TEXT = {"type": ["string", "null"]}


def _part(field: str, *kinds: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", field],
        "properties": {"type": {"enum": list(kinds)}, field: _TEXT},
    }


_PART = {"anyOf": [_part("text", "text", "input_text", "output_text"), _part("refusal", "refusal")]}
_CONTENT = {"anyOf": [_TEXT, {"type": "array", "items": _PART}]}
_FUNCTION: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": _TEXT, "arguments": {"anyOf": [_TEXT, {"type": "object"}]}},
}
_TOOL_CALL = {
    "type": "object",
    "required": ["function"],
    "properties": {
        "id": _OPTIONAL_TEXT,
        "function": _FUNCTION,
    },
}


def _message(roles: list[str], content: dict[str, Any], required: list[str], more: dict[str, Any]) -> dict[str, Any]:
    properties = {"role": {"enum": roles}, "content": content, "name": _OPTIONAL_TEXT, "tool_call_id": _OPTIONAL_TEXT}
    return {"type": "object", "required": ["role", *required], "properties": {**properties, **more}}


_MESSAGE = {
    "anyOf": [
        _message(["system", "developer", "user", "tool", "function"], _CONTENT, ["content"], {}),
        _message(
            ["assistant"],
            {"anyOf": [*_CONTENT["anyOf"], {"type": "null"}]},
            [],
            {
                "reasoning_content": _OPTIONAL_TEXT,
                "reasoning": _OPTIONAL_TEXT,
                "tool_calls": {"anyOf": [{"type": "array", "items": _TOOL_CALL}, {"type": "null"}]},
                "function_call": {"anyOf": [_FUNCTION, {"type": "null"}]},
            },
        ),
    ]
}

Messages = Annotated[
    list[Annotated[dict[str, Any], WithJsonSchema(_MESSAGE)]], Field(min_length=1, max_length=MAX_MESSAGES)
]
"""A conversation."""


def _item(kind: str, fields: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "required": ["type", *required], "properties": {"type": {"const": kind}, **fields}}


_CALL_FIELDS = {"call_id": _OPTIONAL_TEXT, **_FUNCTION["properties"]}
_INPUT_MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "type": {"const": "message"},
        "role": {"enum": ["system", "developer", "user", "assistant"]},
        "content": _CONTENT,
    },
}
_ITEM = {
    "anyOf": [
        _INPUT_MESSAGE,
        _item("function_call", _CALL_FIELDS, "name", "arguments"),
        _item("function_call_output", {"call_id": _OPTIONAL_TEXT, "output": _CONTENT}, "output"),
        _item("reasoning", {}),
    ]
}
InputItems = Annotated[list[Annotated[dict[str, Any], WithJsonSchema(_ITEM)]], Field(min_length=1)]
"""The `input` of `/v1/responses`, checked by `responses.items` and `sampan.text`."""

TemplateArguments = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z_]{1,40}$"},
            "properties": {"enable_thinking": {"type": "boolean"}, "thinking": {"type": "boolean"}},
        }
    ),
]
"""`chat_template_kwargs`."""
