"""The items of a request's `input` as messages of chat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sampan.errors import RequestError
from sampan.server.openai.messages import MAX_MESSAGES


def to_messages(items: str | Sequence[dict[str, Any]], instructions: str | None) -> list[dict[str, Any]]:
    """A conversation for the chat template, which checks what the messages hold.

    Earlier thoughts are left out, as R1 never sees them again. What an assistant says and the calls behind it are one
    message.

    Raises:
        RequestError: an item is of a kind that this server does not know.
    """
    messages: list[dict[str, Any]] = [] if instructions is None else [{"role": "system", "content": instructions}]
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    for index, item in enumerate(items):
        kind = item.get("type", "message")
        if kind == "message":
            messages.append({"role": item.get("role"), "content": item.get("content")})
        elif kind == "function_call":
            _add_call(messages, item)
        elif kind == "function_call_output":
            messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": item.get("output")})
        elif kind != "reasoning":
            raise RequestError(
                f"input[{index}] is of a type that is not known here",
                param="input",
                remedy="send message, function_call, function_call_output or reasoning; nothing is stored to refer to",
            )
    if not messages or len(messages) > MAX_MESSAGES:
        raise RequestError(
            f"input holds {len(messages)} messages", param="input", remedy=f"send at least one, at most {MAX_MESSAGES}"
        )
    return messages


def _add_call(messages: list[dict[str, Any]], item: dict[str, Any]) -> None:
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    call = {"id": item.get("call_id"), "type": "function", "function": function}
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    messages[-1].setdefault("tool_calls", []).append(call)
