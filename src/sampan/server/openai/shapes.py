"""What OpenAI's paths answer, for `/openapi.json`; the answers themselves are made by the formats beside this file."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel


class PromptTokensDetails(BaseModel):
    """Of a usage."""

    cached_tokens: int


class CompletionTokensDetails(BaseModel):
    """Of a usage."""

    reasoning_tokens: int


class Usage(BaseModel):
    """Tokens of a request. A prompt counts once, however many answers it gets."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails


class TokenLogprob(BaseModel):
    """One token and how probable it was; `bytes`, since a character may lie in several tokens."""

    token: str
    logprob: float
    bytes: list[int]


class DrawnTokenLogprob(TokenLogprob):
    """The drawn token, and the most probable ones at its place."""

    top_logprobs: list[TokenLogprob]


class ChatLogprobs(BaseModel):
    """Of a chat answer."""

    content: list[DrawnTokenLogprob]


class CompletionLogprobs(BaseModel):
    """Of a completion: parallel lists."""

    tokens: list[str]
    token_logprobs: list[float | None]  # none for the first token of an echo
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


class CalledFunction(BaseModel):
    """`arguments` is JSON as the model wrote it."""

    name: str
    arguments: str


class ToolCall(BaseModel):
    """One call of an answer."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class AssistantMessage(BaseModel):
    """`content` is null where generation ended inside the thought, or all is calls. The fields of the thought depend on
    the server's `--reasoning-format`, or on the request's."""

    role: Literal["assistant"]
    content: str | None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: CalledFunction | None = None


class Choice(BaseModel):
    """One answer. `stop_reason` is the stop string or token id that ended it."""

    index: int
    finish_reason: str
    stop_reason: int | str | None


class PromptLogprob(BaseModel):
    """A token at one place of a prompt, by its id."""

    logprob: float
    rank: int
    decoded_token: str


class ChatChoice(Choice):
    """One answer of a chat."""

    message: AssistantMessage
    logprobs: ChatLogprobs | None


class CompletionChoice(Choice):
    """One answer of a completion."""

    text: str
    logprobs: CompletionLogprobs | None
    prompt_logprobs: list[dict[str, PromptLogprob] | None] | None = None


class Completed(BaseModel):
    """What answers have in common."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    usage: Usage


class ChatCompletion(Completed):
    """A whole answer to a conversation."""

    object: Literal["chat.completion"]
    choices: list[ChatChoice]
    prompt_logprobs: list[dict[str, PromptLogprob] | None] | None = None


class Completion(Completed):
    """A whole continuation of a text."""

    object: Literal["text_completion"]
    choices: list[CompletionChoice]


class ModelCard(BaseModel):
    """A model under one of its names."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    root: str
    parent: None
    max_model_len: int
    license: str | None
    permission: list[dict[str, str]]
    type: Literal["model"]
    display_name: str
    created_at: str
    lifecycle: Literal["active"]
    max_input_tokens: int


class ModelList(BaseModel):
    """The served model under all of its names, in one page."""

    object: Literal["list"]
    data: list[ModelCard]
    has_more: bool
    first_id: str
    last_id: str


class InputTokensDetails(BaseModel):
    """Of a response's usage."""

    cached_tokens: int
    cache_write_tokens: int


class ResponseUsage(BaseModel):
    """Tokens of a response."""

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: CompletionTokensDetails
    total_tokens: int


class ResponseItem(BaseModel):
    """`reasoning` and `message` have `content`; `function_call` has a call."""

    type: Literal["reasoning", "message", "function_call"]
    id: str
    status: Literal["completed", "incomplete"]


class ResponseObject(BaseModel):
    """A whole response. The fields that are not named here repeat the request."""

    id: str
    object: Literal["response"]
    created_at: int
    model: str
    status: Literal["completed", "incomplete"]
    incomplete_details: dict[str, str] | None
    output: list[ResponseItem]
    store: Literal[False]
    tools: list[dict[str, Any]]
    usage: ResponseUsage
