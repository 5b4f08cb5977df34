"""What `/v1/messages` takes."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from sampan.errors import RequestError
from sampan.server.anthropic.blocks import MessageTurn, Text, chat_messages, tag_of
from sampan.server.fields import (
    MAX_COUNT,
    MAX_USER_CHARS,
    JsonSchemaFormat,
    ModelName,
    RequestModel,
    ResponseFormat,
    StopStrings,
    TokenLimit,
    TopK,
    TopP,
    within,
)
from sampan.server.openai.messages import MAX_MESSAGES
from sampan.server.openai.tools import MAX_TOOLS, FunctionFields, Name, NamedTool, NameFields, ToolChoice, ToolPlan
from sampan.server.worded import WordedSampling

Display = Literal["summarized", "omitted"]


class EnabledThinking(RequestModel):
    """A thought of at most so many tokens."""

    type: Literal["enabled"]
    budget_tokens: int = Field(ge=1, le=MAX_COUNT)
    display: Display | None = None


class AdaptiveThinking(RequestModel):
    """A thought as long as the model wants it."""

    type: Literal["adaptive"]
    display: Display | None = None


class DisabledThinking(RequestModel):
    """No thought."""

    type: Literal["disabled"]


Thinking = Annotated[
    Annotated[EnabledThinking, Tag("enabled")]
    | Annotated[AdaptiveThinking, Tag("adaptive")]
    | Annotated[DisabledThinking, Tag("disabled")],
    Discriminator(
        tag_of,
        custom_error_type="thinking_type",
        custom_error_message="thinking is of type enabled, adaptive or disabled",
    ),
]


class MessageMetadata(RequestModel):
    """`metadata`. `user_id` is whose request it is: a busy server is shared evenly between users."""

    user_id: str | None = None


class ClientTool(RequestModel):
    """A tool of the client's. Those that Anthropic itself runs have another `type`, and no schema."""

    name: Name
    type: Literal["custom"] | None = None
    description: str | None = None
    input_schema: dict[str, Any]
    strict: bool | None = None

    @property
    def function(self) -> FunctionFields:
        """The same as a function."""
        return FunctionFields(
            name=self.name, description=self.description, parameters=self.input_schema, strict=self.strict
        )


class MessageToolChoice(RequestModel):
    """`tool_choice`: calls may come, any must, this one must, none may."""

    type: Literal["auto", "any", "tool", "none"]
    name: Name | None = None
    disable_parallel_tool_use: bool | None = None

    @property
    def choice(self) -> ToolChoice:
        """The same in OpenAI's words.

        Raises:
            RequestError: the name is missing.
        """
        if self.type == "tool":
            if self.name is None:
                raise RequestError("tool_choice.name is missing", param="tool_choice", remedy="name the tool")
            return NamedTool(type="function", function=NameFields(name=self.name))
        return "required" if self.type == "any" else self.type


class OutputFormat(RequestModel):
    """`output_config.format`."""

    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputConfig(RequestModel):
    """`output_config`. The distills know no degrees of effort."""

    effort: str | None = None
    format: OutputFormat | None = None


class CountTokensRequest(RequestModel):
    """`POST /v1/messages/count_tokens`: what makes up a prompt.

    Without `thinking` the model thinks, since it answers worse otherwise, but its thought is not shown: clients that do
    not ask for a thought expect the answer in the first block.
    """

    model: ModelName
    messages: list[MessageTurn] = Field(min_length=1, max_length=MAX_MESSAGES)
    system: Text | None = None
    thinking: Thinking | None = None
    tools: list[ClientTool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: MessageToolChoice | None = None

    @property
    def chat(self) -> list[dict[str, Any]]:
        """The conversation in OpenAI's shape."""
        return chat_messages(self.system, self.messages)

    @cached_property
    def tool_plan(self) -> ToolPlan | None:
        """Which calls may come; None for none. What they are given is an object here, so it has to be right.

        Raises:
            RequestError: see `ToolPlan.of`.
        """
        choice = self.tool_choice
        plan = ToolPlan.of(
            [tool.function for tool in self.tools or ()],
            None if choice is None else choice.choice,
            is_parallel=choice is None or not choice.disable_parallel_tool_use,
        )
        return plan and replace(plan, is_always_valid=True)

    def template_options(self) -> dict[str, Any]:
        """Arguments for `ChatTemplate.encode`. An assistant's turn at the end is the beginning of the answer."""
        return {
            "thinking": not isinstance(self.thinking, DisabledThinking),
            "continue_final_message": self.messages[-1].role == "assistant",
            "tools": self.tool_plan.shown if self.tool_plan else None,
        }


class MessagesRequest(CountTokensRequest):
    """`POST /v1/messages`."""

    max_tokens: TokenLimit
    stop_sequences: StopStrings | None = None
    temperature: float | None = within("temperature")
    top_p: TopP | None = None
    top_k: TopK | None = None
    stream: bool | None = None
    metadata: MessageMetadata | None = None
    output_config: OutputConfig | None = None

    def sampling(self) -> WordedSampling:
        """How tokens are drawn, in our words."""
        user = self.metadata.user_id if self.metadata else None
        return WordedSampling.of(
            plan=self.tool_plan,
            user=user and user[:MAX_USER_CHARS],
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            stop=self.stop_sequences,
            max_tokens=self.max_tokens,
            thinking_token_budget=self.thinking.budget_tokens if isinstance(self.thinking, EnabledThinking) else None,
            response_format=self._response_format(),
        )

    def _response_format(self) -> ResponseFormat | None:
        if self.output_config is None or self.output_config.format is None:
            return None
        described = JsonSchemaFormat(schema=self.output_config.format.schema_)
        return ResponseFormat(type="json_schema", json_schema=described)
