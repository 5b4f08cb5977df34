"""What a response is made of: items that grow, and the events that tell of it.

A whole response and a stream are built by the same steps, so they hold the same items.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from sampan.server.openai.tool_format import new_call_id
from sampan.text.tool_parser import ToolCallDelta

Event = dict[str, Any]
COMPLETED, INCOMPLETE = "completed", "incomplete"


class ResponseOutput:
    """The items of one response. Each method brings something in and yields its events, without numbers yet.

    Attributes:
        items: as they are now; the last one may still be open.
    """

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None  # the last item, while it grows

    def add_reasoning(self, text: str) -> Iterator[Event]:
        """More of the thought."""
        if text:
            yield from self._open_text("reasoning", "reasoning_text")
            yield self._grow("response.reasoning_text.delta", text)

    def add_text(self, text: str, logprobs: list[dict[str, Any]] | None = None) -> Iterator[Event]:
        """More of the answer.

        Args:
            logprobs: of its tokens; None where they were not asked for.
        """
        if text or logprobs:
            yield from self._open_text("message", "output_text")
            yield {**self._grow("response.output_text.delta", text), "logprobs": logprobs or []}
            if logprobs is not None:
                self.items[-1]["content"][0].setdefault("logprobs", []).extend(logprobs)

    def add_call(self, delta: ToolCallDelta) -> Iterator[Event]:
        """More of a call."""
        if delta.name is not None:
            yield from self._close(COMPLETED)
            item = {"type": "function_call", "id": _new_id("fc"), "call_id": new_call_id(), "name": delta.name}
            yield from self._begin({**item, "arguments": "", "status": "in_progress"})
        if delta.arguments:
            self.items[-1]["arguments"] += delta.arguments
            yield {**self._place("response.function_call_arguments.delta"), "delta": delta.arguments}

    @property
    def is_in_message(self) -> bool:
        """Whether more text would go on with the last item."""
        return self._open is not None and self._open["type"] == "message"

    def end(self, *, is_whole: bool) -> Iterator[Event]:
        """The answer is over. One that is whole and says nothing is an empty message."""
        if is_whole and all(item["type"] == "reasoning" for item in self.items):
            yield from self._open_text("message", "output_text")
        yield from self._close(COMPLETED if is_whole else INCOMPLETE)

    def _open_text(self, kind: str, part_kind: str) -> Iterator[Event]:
        """Makes sure that the last item is of this kind and open."""
        if self._open is not None and self._open["type"] == kind:
            return
        yield from self._close(COMPLETED)
        part: dict[str, Any] = {"type": part_kind, "text": ""}
        item: dict[str, Any]
        if kind == "message":
            part["annotations"] = []
            item = {"type": kind, "id": _new_id("msg"), "role": "assistant", "status": "in_progress", "content": []}
        else:
            item = {"type": kind, "id": _new_id("rs"), "summary": [], "status": "in_progress", "content": []}
        yield from self._begin(item)
        item["content"] = [part]
        yield {**self._place("response.content_part.added"), "content_index": 0, "part": dict(part)}

    def _begin(self, item: dict[str, Any]) -> Iterator[Event]:
        self.items.append(item)
        self._open = item
        yield {"type": "response.output_item.added", "output_index": len(self.items) - 1, "item": dict(item)}

    def _grow(self, event_type: str, text: str) -> Event:
        self.items[-1]["content"][0]["text"] += text
        return {**self._place(event_type), "content_index": 0, "delta": text}

    def _close(self, status: str) -> Iterator[Event]:
        item, self._open = self._open, None
        if item is None:
            return
        item["status"] = status
        if item["type"] == "function_call":
            place = self._place("response.function_call_arguments.done")
            yield {**place, "name": item["name"], "arguments": item["arguments"]}
        else:
            (part,) = item["content"]
            is_message = item["type"] == "message"
            done = self._place("response.output_text.done" if is_message else "response.reasoning_text.done")
            logprobs = {"logprobs": part.get("logprobs", [])} if is_message else {}
            yield {**done, "content_index": 0, "text": part["text"], **logprobs}
            yield {**self._place("response.content_part.done"), "content_index": 0, "part": part}
        yield {"type": "response.output_item.done", "output_index": len(self.items) - 1, "item": item}

    def _place(self, event_type: str) -> Event:
        return {"type": event_type, "item_id": self.items[-1]["id"], "output_index": len(self.items) - 1}


def _new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex}"
