"""What Anthropic's paths answer, for `/openapi.json`; the answers themselves are made by `message_format`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel


class AnsweredText(BaseModel):
    """A block of text."""

    type: Literal["text"]
    text: str


class AnsweredThinking(BaseModel):
    """A thought."""

    type: Literal["thinking"]
    thinking: str
    signature: str


class AnsweredToolUse(BaseModel):
    """A call."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]


class OutputTokensDetails(BaseModel):
    """Of a usage."""

    thinking_tokens: int


class MessageUsage(BaseModel):
    """Tokens of a request; `input_tokens` are those of the prompt that were not cached."""

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int
    output_tokens_details: OutputTokensDetails


class MessageAnswer(BaseModel):
    """A whole answer to a conversation."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[AnsweredText | AnsweredThinking | AnsweredToolUse]
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"]
    stop_sequence: str | None
    usage: MessageUsage


class TokenCount(BaseModel):
    """Of a conversation."""

    input_tokens: int
