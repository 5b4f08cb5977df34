"""An answer in the shape of `/v1/messages`: blocks of thought, text and tool use, whole and in named events."""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import Any

from sampan.server.answer import Answer, Answers, Delta
from sampan.server.anthropic.requests import AdaptiveThinking, EnabledThinking, MessagesRequest
from sampan.server.http.dialects import ANTHROPIC
from sampan.server.http.errors import error_facts
from sampan.server.http.streaming import Wire, event
from sampan.server.tool_calls import whole_calls
from sampan.text.tool_parser import ToolDelta

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens"}
EMPTY_BLOCKS: dict[str, dict[str, Any]] = {
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
    "text": {"type": "text", "text": ""},
}


def named(data: dict[str, Any]) -> bytes:
    """An event that bears the name of its type."""
    return event(data, data["type"])


def message_wire(request_id: str) -> Wire:
    """How events of `/v1/messages` are framed; `message_stop` is the stream's end, so nothing follows it."""
    return Wire(
        "text/event-stream",
        error=lambda error: named(ANTHROPIC.body(error_facts(error), request_id)),
        end=b"",
        ping=named({"type": "ping"}),
    )


class MessageFormat:
    """Shapes the answer to one request.

    A thought's signature is a digest of it. Anthropic's tells whether a thought that comes back was changed; here none
    that comes back is shown to the model, so it has nothing to prove.

    Args:
        message_id: the `id` of the answer.
        model: the name under which the model answers.
        num_prompt_tokens: what the beginning of a stream says of its prompt.
    """

    def __init__(self, request: MessagesRequest, message_id: str, model: str, num_prompt_tokens: int) -> None:
        thinking = request.thinking
        self._shows_thinking = isinstance(thinking, EnabledThinking | AdaptiveThinking)
        self._omits_thinking = getattr(thinking, "display", None) == "omitted"
        self._stop_sequences = frozenset(request.stop_sequences or ())
        plan = request.tool_plan
        self._tools = plan.parser() if plan is not None else None
        self._message = {"id": message_id, "type": "message", "role": "assistant", "model": model}
        self._num_prompt_tokens = num_prompt_tokens
        self._num_blocks = 0
        self._open = ""  # type of the block that is being streamed
        self._digest = hashlib.sha256()

    def completion(self, answers: Answers) -> dict[str, Any]:
        """The whole body."""
        (answer,) = answers.answers
        return {**self._message, "content": self._blocks(answer), **self._stop(answer), "usage": _usage(answers)}

    def first_events(self) -> bytes:
        """The message without content. What of its prompt was cached is not known yet."""
        usage = {"input_tokens": self._num_prompt_tokens, "output_tokens": 0}
        usage |= {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        stop = {"stop_reason": None, "stop_sequence": None}
        return named({"type": "message_start", "message": {**self._message, "content": [], **stop, "usage": usage}})

    def events(self, delta: Delta) -> bytes:
        """A delta as pieces of blocks."""
        data = b""
        if (thought := delta.text.reasoning) and self._shows_thinking:
            data += self._enter("thinking")
            self._digest.update(thought.encode())
            data += b"" if self._omits_thinking else self._piece({"type": "thinking_delta", "thinking": thought})
        said = self._parse(delta.text.content, is_last=delta.finish_reason is not None)
        if said.content:
            data += self._enter("text") + self._piece({"type": "text_delta", "text": said.content})
        for call in said.calls:
            if call.name is not None:
                data += self._start(_tool_use(call.name))
            if call.arguments:
                data += self._piece({"type": "input_json_delta", "partial_json": call.arguments})
        return data

    def last_events(self, answers: Answers) -> bytes:
        """What closes the message; its counts are those of the whole."""
        (answer,) = answers.answers
        data = b"" if self._num_blocks else self._enter("text")
        stop, usage = self._stop(answer), _usage(answers)
        data += self._leave() + named({"type": "message_delta", "delta": stop, "usage": usage})
        return data + named({"type": "message_stop"})

    def _parse(self, content: str, *, is_last: bool) -> ToolDelta:
        """Text and calls of a piece of the answer."""
        if self._tools is None:
            return ToolDelta((content,) if content else ())
        return self._tools.take(content, is_last=is_last)

    def _blocks(self, answer: Answer) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        if (thought := answer.text.reasoning) and self._shows_thinking:
            self._digest.update(thought.encode())
            shown = "" if self._omits_thinking else thought
            blocks.append({"type": "thinking", "thinking": shown, "signature": self._signature()})
        said = self._parse(answer.text.content or "", is_last=True)
        calls = [{**_tool_use(call.name), "input": call.input or {}} for call in whole_calls(said.calls)]
        if said.content or not (blocks or calls):  # clients look into the first block
            blocks.append({"type": "text", "text": said.content})
        return blocks + calls

    def _stop(self, answer: Answer) -> dict[str, Any]:
        """Why it ended. Causes that Anthropic has no word for are the end of the turn."""
        if answer.stop_reason in self._stop_sequences:
            return {"stop_reason": "stop_sequence", "stop_sequence": answer.stop_reason}
        reason = STOP_REASONS[answer.finish_reason]
        if self._tools is not None and self._tools.num_calls and reason == "end_turn":
            reason = "tool_use"
        return {"stop_reason": reason, "stop_sequence": None}

    def _enter(self, kind: str) -> bytes:
        """Opens a block of this type unless it is open."""
        return b"" if self._open == kind else self._start(EMPTY_BLOCKS[kind])

    def _start(self, block: dict[str, Any]) -> bytes:
        data = self._leave()
        self._open, self._num_blocks = block["type"], self._num_blocks + 1
        return data + self._block_event("content_block_start", content_block=block)

    def _leave(self) -> bytes:
        """Closes the open block."""
        if not self._open:
            return b""
        data = b""
        if self._open == "thinking":
            data = self._piece({"type": "signature_delta", "signature": self._signature()})
        self._open = ""
        return data + self._block_event("content_block_stop")

    def _piece(self, delta: dict[str, Any]) -> bytes:
        return self._block_event("content_block_delta", delta=delta)

    def _block_event(self, kind: str, **more: Any) -> bytes:
        return named({"type": kind, "index": self._num_blocks - 1, **more})

    def _signature(self) -> str:
        return base64.b64encode(self._digest.digest()).decode()


def _tool_use(name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{uuid.uuid4().hex[:24]}", "name": name, "input": {}}


def _usage(answers: Answers) -> dict[str, Any]:
    """Anthropic counts what was cached apart from the other input."""
    (answer,) = answers.answers
    return {
        "input_tokens": answers.num_prompt_tokens - answer.num_cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.num_cached_tokens,
        "output_tokens": answer.text.num_tokens,
        "output_tokens_details": {"thinking_tokens": answer.text.num_reasoning_tokens},
    }
