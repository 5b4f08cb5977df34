"""Tool calls of answers in the shape of chat: whole messages and the deltas of a stream."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from sampan.server.openai.tools import ToolPlan
from sampan.server.tool_calls import whole_calls
from sampan.text.tool_parser import ToolParser


class ToolFormat:
    """Takes the calls out of the contents of one request's answers.

    Args:
        is_legacy: the request came with `functions`, from before there were tools: the call is `function_call` then.
    """

    def __init__(self, plan: ToolPlan, *, is_legacy: bool) -> None:
        self._plan = replace(plan, max_calls=1) if is_legacy else plan
        self._is_legacy = is_legacy
        self._parsers: dict[int, ToolParser] = {}

    def message(self, index: int, content: str | None) -> dict[str, Any]:
        """What a whole message gets: `content`, None where there is nothing but calls, and the calls if there are."""
        parser = self._parsers[index] = self._plan.parser()
        said = parser.take(content or "", is_last=True)
        calls = [{"name": call.name, "arguments": call.arguments} for call in whole_calls(said.calls)]
        if not calls:
            return {"content": content}
        if self._is_legacy:
            return {"content": said.content or None, "function_call": calls[0]}
        return {
            "content": said.content or None,
            "tool_calls": [{"id": new_call_id(), "type": "function", "function": call} for call in calls],
        }

    def deltas(self, index: int, content: str, *, is_last: bool) -> tuple[str, list[dict[str, Any]]]:
        """The content that more of an answer leaves, and the deltas of its calls."""
        if index not in self._parsers:
            self._parsers[index] = self._plan.parser()
        said = self._parsers[index].take(content, is_last=is_last)
        return said.content, [self._delta(call.index, call.name, call.arguments) for call in said.calls]

    def finish_reason(self, index: int, reason: str) -> str:
        """A whole answer with calls ends for their sake."""
        if reason != "stop" or not self._parsers[index].num_calls:
            return reason
        return "function_call" if self._is_legacy else "tool_calls"

    def _delta(self, index: int, name: str | None, arguments: str) -> dict[str, Any]:
        function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
        if self._is_legacy:
            return {"function_call": function}
        begun = {} if name is None else {"id": new_call_id(), "type": "function"}
        return {"tool_calls": [{"index": index, **begun, "function": function}]}


def new_call_id() -> str:
    """Of one call, by which its result is known."""
    return f"call_{uuid.uuid4().hex[:24]}"
