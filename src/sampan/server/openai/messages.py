"""How OpenAPI describes the parts of a chat request that `sampan.text` checks."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

MAX_MESSAGES = 4096

_TEXT = {"type": "string"}
_OPTIONAL_TEXT = {"type": ["string", "null"]}
_PART = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {"type": {"const": "text"}, "text": _TEXT},
}
_CONTENT = {"anyOf": [_TEXT, {"type": "array", "items": _PART}]}
_TOOL_CALL = {
    "type": "object",
    "required": ["function"],
    "properties": {
        "id": _OPTIONAL_TEXT,
        "function": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": _TEXT, "arguments": {"anyOf": [_TEXT, {"type": "object"}]}},
        },
    },
}


def _message(roles: list[str], content: dict[str, Any], required: list[str], more: dict[str, Any]) -> dict[str, Any]:
    properties = {"role": {"enum": roles}, "content": content, "name": _OPTIONAL_TEXT, "tool_call_id": _OPTIONAL_TEXT}
    return {"type": "object", "required": ["role", *required], "properties": {**properties, **more}}


_MESSAGE = {
    "anyOf": [
        _message(["system", "developer", "user", "tool"], _CONTENT, ["content"], {}),
        _message(
            ["assistant"],
            {"anyOf": [*_CONTENT["anyOf"], {"type": "null"}]},
            [],
            {
                "reasoning_content": _OPTIONAL_TEXT,
                "reasoning": _OPTIONAL_TEXT,
                "tool_calls": {"anyOf": [{"type": "array", "items": _TOOL_CALL}, {"type": "null"}]},
            },
        ),
    ]
}

Messages = Annotated[
    list[Annotated[dict[str, Any], WithJsonSchema(_MESSAGE)]], Field(min_length=1, max_length=MAX_MESSAGES)
]
"""A conversation."""

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
