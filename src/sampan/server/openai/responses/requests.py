"""What `POST /v1/responses` takes, and the request of chat that it comes to."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from sampan.engine.sampling_params import MAX_LOGPROBS
from sampan.errors import RequestError, UnsupportedError
from sampan.server.fields import ModelName, RequestModel, SamplingFields, TokenLimit, one_of
from sampan.server.openai.messages import InputItems, TemplateArguments
from sampan.server.openai.requests import ChatRequest
from sampan.server.openai.responses.items import to_messages
from sampan.server.openai.tools import (
    MAX_TOOLS,
    AllowedTools,
    AllowedToolsFields,
    FunctionFields,
    Name,
    NamedTool,
    NameFields,
    ToolChoice,
    ToolFields,
)

MAX_METADATA = 16
WITH_LOGPROBS = "message.output_text.logprobs"


class TextFormat(RequestModel):
    """`text.format`."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None

    def for_chat(self) -> dict[str, Any]:
        """As `response_format`."""
        if self.type != "json_schema":
            return {"type": self.type}
        if self.schema_ is None:
            raise RequestError("the schema is missing", param="text", remedy="send it as text.format.schema")
        schema = {"name": self.name, "schema": self.schema_, "strict": self.strict}
        return {"type": self.type, "json_schema": schema}


class TextFields(RequestModel):
    """`text`. The distills know no degrees of verbosity."""

    format: TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ReasoningFields(RequestModel):
    """`reasoning`. There is no summary but the thought itself."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class FunctionTool(FunctionFields):
    """An entry of `tools`."""

    type: Literal["function"]


class NamedFunction(RequestModel):
    """`tool_choice`: this function must be called."""

    type: Literal["function"]
    name: Name

    def for_chat(self) -> NamedTool:
        """The same in chat's shape."""
        return NamedTool(type="function", function=NameFields(name=self.name))


class AllowedFunctions(RequestModel):
    """`tool_choice`: just these functions."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: list[NamedFunction] = Field(min_length=1, max_length=MAX_TOOLS)

    def for_chat(self) -> AllowedTools:
        """The same in chat's shape."""
        allowed = AllowedToolsFields(mode=self.mode, tools=[tool.for_chat() for tool in self.tools])
        return AllowedTools(type="allowed_tools", allowed_tools=allowed)


class ResponsesRequest(SamplingFields):
    """`POST /v1/responses`. The sampling fields of chat may come as well."""

    input: str | InputItems
    model: ModelName | None = None
    instructions: str | None = None
    max_output_tokens: TokenLimit | None = None
    reasoning: ReasoningFields | None = None
    text: TextFields | None = None
    tools: list[FunctionTool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: Literal["none", "auto", "required"] | NamedFunction | AllowedFunctions | None = None
    parallel_tool_calls: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=MAX_LOGPROBS)
    include: list[str] | None = Field(default=None, max_length=32)
    chat_template_kwargs: TemplateArguments | None = None
    cache_salt: str | None = Field(default=None, max_length=256)
    stream: bool | None = None
    store: bool | None = None  # the response says that it was not
    truncation: Literal["auto", "disabled"] | None = None
    metadata: dict[str, str] | None = Field(default=None, max_length=MAX_METADATA)
    previous_response_id: str | None = None
    conversation: str | dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None
    background: bool | None = None

    @property
    def max_new_tokens(self) -> int | None:
        return one_of("max_output_tokens", self.max_output_tokens, "max_tokens", self.max_tokens)

    @property
    def num_logprobs(self) -> int | None:
        if self.top_logprobs is None and WITH_LOGPROBS not in (self.include or ()):
            return None
        return self.top_logprobs or 0

    def refuse_state(self) -> None:
        """Refuses what would need a store of earlier responses.

        Raises:
            RequestError, UnsupportedError: names the field.
        """
        for name in ("previous_response_id", "conversation", "prompt"):
            if getattr(self, name) is not None:
                raise RequestError(
                    f"{name} refers to what this server does not store",
                    param=name,
                    remedy="send the earlier items in input",
                )
        for name, value in (("background", True), ("truncation", "auto")):
            if getattr(self, name) == value:
                raise UnsupportedError(f"{name} is not supported with this value", param=name, remedy="leave it out")

    def for_chat(self) -> ChatRequest:
        """The same request in chat's words.

        Raises:
            RequestError: an item of the input is not known, or fields contradict each other.
        """
        shared = {name: getattr(self, name) for name in SamplingFields.model_fields}
        logprobs = self.num_logprobs
        fields = {
            **shared,
            "messages": to_messages(self.input, self.instructions),
            "max_tokens": self.max_new_tokens,
            "reasoning_effort": self.reasoning and self.reasoning.effort,
            "tools": [ToolFields(type="function", function=tool) for tool in self.tools or ()],
            "tool_choice": self._tool_choice(),
            "parallel_tool_calls": self.parallel_tool_calls,
            "logprobs": logprobs is not None,
            "top_logprobs": logprobs,
            "chat_template_kwargs": self.chat_template_kwargs,
        }
        if self.text is not None and self.text.format is not None:
            fields["response_format"] = self.text.format.for_chat()
        return ChatRequest.model_validate(fields)

    def _tool_choice(self) -> ToolChoice | None:
        choice = self.tool_choice
        return choice.for_chat() if isinstance(choice, (NamedFunction, AllowedFunctions)) else choice
