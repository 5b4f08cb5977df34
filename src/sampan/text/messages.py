"""Chat messages as requests bring them (OpenAI's shapes), checked and brought to the shape that chat templates know."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.errors import RequestError
from sampan.text.reasoning import THINK_END

ROLES = ("system", "user", "assistant", "tool")
_SAME_ROLE = {"developer": "system", "function": "tool"}
_TEXT_PARTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}  # type -> its text


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message.

    Args:
        content: its text; None only where an assistant calls tools.
        reasoning: an assistant's earlier thought, as the client sent it back.
        tool_calls: in the shape of the request, arguments as JSON text.
    """

    role: str
    content: str | None
    reasoning: str | None = None
    tool_calls: tuple[dict[str, Any], ...] = ()
    name: str | None = None
    tool_call_id: str | None = None

    def for_template(self) -> dict[str, Any]:
        """What a chat template sees. Earlier thoughts never return to the model (DeepSeek-R1's template)."""
        content = self.content
        if self.role == "assistant" and content is not None:
            content = content.rpartition(THINK_END)[2]
            if self.tool_calls and not content:
                content = None  # R1's template shows the calls of messages without content only
        message: dict[str, Any] = {"role": self.role, "content": content}
        if self.tool_calls:
            message["tool_calls"] = [dict(call) for call in self.tool_calls]
        for key in ("name", "tool_call_id"):
            if getattr(self, key) is not None:
                message[key] = getattr(self, key)
        return message


def parse_messages(messages: Sequence[Mapping[str, Any]]) -> list[ChatMessage]:
    """Checks a request's `messages`.

    Raises:
        RequestError: no messages, an unknown role, content that is no text, a malformed tool call; `param` says where.
    """
    if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes)) or not messages:
        raise RequestError(
            "messages is not a list with at least one message", param="messages", remedy="send one or more"
        )
    return [_parse_message(message, f"messages[{index}]") for index, message in enumerate(messages)]


def _parse_message(message: Any, where: str) -> ChatMessage:
    if not isinstance(message, Mapping):
        raise RequestError(f"{where} is not an object", param=where, remedy='send {"role": ..., "content": ...}')
    role = message.get("role")
    if not isinstance(role, str) or (role := _SAME_ROLE.get(role, role)) not in ROLES:
        raise RequestError(f"{where}.role is unknown", param=f"{where}.role", remedy=f"use one of {', '.join(ROLES)}")
    is_assistant = role == "assistant"
    reasoning = None
    if is_assistant:
        reasoning = _optional_text(message, "reasoning_content", where) or _optional_text(message, "reasoning", where)
    tool_calls = _parse_tool_calls(message, where) if is_assistant else ()
    content = _parse_content(message.get("content"), f"{where}.content")
    if content is None and not tool_calls:
        if not is_assistant:
            raise RequestError(
                f"{where}.content is missing", param=f"{where}.content", remedy="send a text, it may be empty"
            )
        content = ""
    return ChatMessage(
        role=role,
        content=content,
        reasoning=reasoning,
        tool_calls=tool_calls,
        name=_optional_text(message, "name", where),
        tool_call_id=_optional_text(message, "tool_call_id", where),
    )


def _parse_content(content: Any, where: str) -> str | None:
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, Sequence) or isinstance(content, bytes):
        raise RequestError(f"{where} is neither a text nor a list of parts", param=where, remedy="send a text")
    texts = []
    for index, part in enumerate(content):
        kind = part.get("type") if isinstance(part, Mapping) else None
        text = part.get(_TEXT_PARTS[kind]) if isinstance(kind, str) and kind in _TEXT_PARTS else None
        if not isinstance(text, str):
            raise RequestError(
                f"{where}[{index}] is not a text part",
                param=f"{where}[{index}]",
                remedy='this model reads text only: send {"type": "text", "text": ...}',
            )
        texts.append(text)
    return "\n".join(texts)


def _parse_tool_calls(message: Mapping[str, Any], where: str) -> tuple[dict[str, Any], ...]:
    calls, function_call = message.get("tool_calls"), message.get("function_call")
    if function_call is not None:  # OpenAI's older way: one call, without an id
        call = _parse_tool_call({"function": function_call}, f"{where}.function_call")
        if calls in (None, []):
            return (call,)
    if calls is None:
        return ()
    where = f"{where}.tool_calls"
    if not isinstance(calls, Sequence) or isinstance(calls, (str, bytes)):
        raise RequestError(f"{where} is not a list", param=where, remedy="send the calls as they were answered")
    return tuple(_parse_tool_call(call, f"{where}[{index}]") for index, call in enumerate(calls))


def _parse_tool_call(call: Any, where: str) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    arguments = function.get("arguments", "{}") if isinstance(function, Mapping) else None
    if isinstance(arguments, Mapping):
        arguments = json.dumps(arguments, ensure_ascii=False)
    if not isinstance(name, str) or not isinstance(arguments, str):
        raise RequestError(
            f"{where} is not a tool call",
            param=where,
            remedy='send {"type": "function", "function": {"name": ..., "arguments": "..."}}',
        )
    parsed: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}}
    if (call_id := _optional_text(call, "id", where)) is not None:
        parsed["id"] = call_id
    return parsed


def _optional_text(message: Mapping[str, Any], key: str, where: str) -> str | None:
    value = message.get(key)
    if value is not None and not isinstance(value, str):
        raise RequestError(f"{where}.{key} is not a text", param=f"{where}.{key}", remedy="send a text or leave it out")
    return value
