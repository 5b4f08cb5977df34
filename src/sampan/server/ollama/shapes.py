"""What Ollama's paths answer, for `/openapi.json`; the answers themselves are made by `line_format` and `models`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel


class OllamaAnswer(BaseModel):
    """How an answer ended, in tokens and nanoseconds. A model that is asked nothing only says that it is loaded."""

    model: str
    created_at: str
    done: bool
    done_reason: Literal["stop", "length", "load"]
    total_duration: int | None = None
    load_duration: int | None = None
    prompt_eval_count: int | None = None
    prompt_eval_duration: int | None = None
    eval_count: int | None = None
    eval_duration: int | None = None
    logprobs: list[dict[str, Any]] | None = None


class OllamaGenerated(OllamaAnswer):
    """A whole answer to a prompt."""

    response: str
    thinking: str | None = None
    context: list[int] | None = None


class AnsweredMessage(BaseModel):
    """What the assistant says."""

    role: Literal["assistant"]
    content: str
    thinking: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class OllamaChatted(OllamaAnswer):
    """A whole answer to a conversation."""

    message: AnsweredMessage


class OllamaEmbedded(BaseModel):
    """Vectors of length 1, in the order of the inputs, and nanoseconds."""

    model: str
    embeddings: list[list[float]]
    total_duration: int
    load_duration: int
    prompt_eval_count: int


class OllamaEmbeddedOne(BaseModel):
    """A vector of length 1."""

    embedding: list[float]
