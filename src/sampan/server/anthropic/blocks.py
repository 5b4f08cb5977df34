"""The content blocks of a conversation, and the messages that they become for the chat template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from sampan.server.fields import RequestModel

MAX_BLOCKS = 4096  # of a message


class TextBlock(RequestModel):
    """Text."""

    type: Literal["text"]
    text: str


class ThinkingBlock(RequestModel):
    """An earlier thought as it was answered. The model does not see it again, as DeepSeek-R1's template has it."""

    type: Literal["thinking"]
    thinking: str


class RedactedThinkingBlock(RequestModel):
    """An earlier thought that the client cannot read; nor can this server."""

    type: Literal["redacted_thinking"]


class ToolUseBlock(RequestModel):
    """A call that the assistant made."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]


def tag_of(value: Any) -> Any:
    """The `type` by which members of a union are told apart."""
    return value.get("type") if isinstance(value, dict) else getattr(value, "type", None)


def _is_text(value: Any) -> str:
    return "text" if isinstance(value, str) else "blocks"


# Errors name what is possible, not what was sent.
_EitherWay = Discriminator(_is_text)
TextBlocks = Annotated[list[TextBlock], Field(max_length=MAX_BLOCKS)]
Text = Annotated[Annotated[str, Tag("text")] | Annotated[TextBlocks, Tag("blocks")], _EitherWay]


class ToolResultBlock(RequestModel):
    """What a tool returned."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: Text = ""


Block = Annotated[
    Annotated[TextBlock, Tag("text")]
    | Annotated[ThinkingBlock, Tag("thinking")]
    | Annotated[RedactedThinkingBlock, Tag("redacted_thinking")]
    | Annotated[ToolUseBlock, Tag("tool_use")]
    | Annotated[ToolResultBlock, Tag("tool_result")],
    Discriminator(
        tag_of,
        custom_error_type="block_type",
        custom_error_message="this model reads blocks of text, thinking, tool_use and tool_result only",
    ),
]
Blocks = Annotated[list[Block], Field(max_length=MAX_BLOCKS)]


class MessageTurn(RequestModel):
    """One turn."""

    role: Literal["user", "assistant", "system"]
    content: Annotated[Annotated[str, Tag("text")] | Annotated[Blocks, Tag("blocks")], _EitherWay]


def chat_messages(system: str | Sequence[TextBlock] | None, messages: Sequence[MessageTurn]) -> list[dict[str, Any]]:
    """A conversation in the shape of `sampan.text.parse_messages`."""
    chat = [{"role": "system", "content": _text(system)}] if system else []
    for message in messages:
        chat += _assistant(message) if message.role == "assistant" else _others(message)
    return chat


def _assistant(message: MessageTurn) -> Iterator[dict[str, Any]]:
    if isinstance(message.content, str):
        yield {"role": "assistant", "content": message.content}
        return
    texts = [block.text for block in message.content if isinstance(block, TextBlock)]
    thoughts = [block.thinking for block in message.content if isinstance(block, ThinkingBlock)]
    calls = [
        {"type": "function", "id": block.id, "function": {"name": block.name, "arguments": block.input}}
        for block in message.content
        if isinstance(block, ToolUseBlock)
    ]
    turn: dict[str, Any] = {"role": "assistant", "content": "\n".join(texts) if texts or not calls else None}
    yield turn | ({"tool_calls": calls} if calls else {}) | ({"reasoning_content": thoughts[-1]} if thoughts else {})


def _others(message: MessageTurn) -> Iterator[dict[str, Any]]:
    """A tool's results are messages of their own, before what the user says to them."""
    if isinstance(message.content, str):
        yield {"role": message.role, "content": message.content}
        return
    for block in message.content:
        if isinstance(block, ToolResultBlock):
            yield {"role": "tool", "tool_call_id": block.tool_use_id, "content": _text(block.content)}
    texts = [block.text for block in message.content if isinstance(block, TextBlock)]
    if texts or not any(isinstance(block, ToolResultBlock) for block in message.content):
        yield {"role": message.role, "content": "\n".join(texts)}


def _text(content: str | Sequence[TextBlock]) -> str:
    return content if isinstance(content, str) else "\n".join(block.text for block in content)
