"""What OpenAI's paths take."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sampan.engine.sampling_params import MAX_LOGPROBS
from sampan.errors import RequestError, UnsupportedError
from sampan.server.fields import MAX_CHOICES, ModelName, SamplingFields, TokenId, TokenLimit, one_of
from sampan.server.openai.messages import Messages, TemplateArguments

TokenIds = Annotated[list[TokenId], Field(min_length=1)]


STREAM_OPTIONS_NEED_STREAM: JsonDict = {
    "if": {"required": ["stream_options"], "properties": {"stream_options": {"type": "object"}}},
    "then": {"required": ["stream"], "properties": {"stream": {"const": True}}},
}


class OpenAIRequest(SamplingFields):
    """What chat and completions have in common."""

    model_config = ConfigDict(json_schema_extra=STREAM_OPTIONS_NEED_STREAM)

    model: ModelName | None = None
    n: int | None = Field(default=None, ge=1, le=MAX_CHOICES)
    stream: bool | None = None
    stream_options: dict[str, bool | None] | None = None
    cache_salt: str | None = Field(default=None, max_length=256)  # cached prompts are shared under equal salts only

    @property
    def num_choices(self) -> int:
        """Answers of each prompt."""
        return self.n or 1

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a usage chunk."""
        if self.stream_options is not None and not self.stream:
            raise RequestError("stream_options needs stream", param="stream_options", remedy="send stream=true as well")
        return bool((self.stream_options or {}).get("include_usage"))


class ChatRequest(OpenAIRequest):
    """`POST /v1/chat/completions`."""

    messages: Messages  # checked by `sampan.text`
    max_completion_tokens: TokenLimit | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=MAX_LOGPROBS)
    include_reasoning: bool | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    chat_template_kwargs: TemplateArguments | None = None
    add_generation_prompt: bool | None = None
    continue_final_message: bool | None = None
    tools: list[dict[str, Any]] | None = None  # the template sees them; calls are not parsed out of answers yet
    tool_choice: str | dict[str, Any] | None = None
    documents: list[dict[str, Any]] | None = None

    @property
    def max_new_tokens(self) -> int | None:
        return one_of("max_completion_tokens", self.max_completion_tokens, "max_tokens", self.max_tokens)

    @property
    def num_logprobs(self) -> int | None:
        if not self.logprobs:
            if self.top_logprobs:
                raise RequestError(
                    "top_logprobs needs logprobs", param="top_logprobs", remedy="send logprobs=true as well"
                )
            return None
        return self.top_logprobs or 0

    def template_options(self) -> dict[str, Any]:
        """Arguments for `ChatTemplate.encode`. The distills know no degrees of effort: only `none` differs.

        Raises:
            UnsupportedError: a tool call is demanded.
        """
        if self.tool_choice not in (None, "none", "auto"):
            raise UnsupportedError("Tool calls cannot be forced yet", param="tool_choice", remedy="use auto or none")
        return {
            "thinking": self.reasoning_effort != "none",
            "add_generation_prompt": self.add_generation_prompt,
            "continue_final_message": bool(self.continue_final_message),
            "tools": None if self.tool_choice == "none" else self.tools,
            "documents": self.documents,
            "template_kwargs": self.chat_template_kwargs,
        }


class CompletionRequest(OpenAIRequest):
    """`POST /v1/completions`. Text never becomes special tokens; a client that wants those sends ids."""

    prompt: str | TokenIds | Annotated[list[str], Field(min_length=1)] | Annotated[list[TokenIds], Field(min_length=1)]
    logprobs: int | None = Field(default=None, ge=0, le=MAX_LOGPROBS)
    echo: bool | None = None

    @property
    def num_logprobs(self) -> int | None:
        return self.logprobs

    def prompts(self) -> list[str] | list[list[int]]:
        """One entry for each prompt.

        Raises:
            RequestError: there is none.
        """
        if isinstance(self.prompt, str):
            return [self.prompt]
        if not self.prompt or [] in self.prompt:
            raise RequestError("prompt is empty", param="prompt", remedy="send text or token ids")
        return [self.prompt] if isinstance(self.prompt[0], int) else self.prompt
