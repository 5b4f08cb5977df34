"""What `/v1/messages` takes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from sampan.errors import RequestError
from sampan.server.anthropic.blocks import Message, Text, chat_messages
from sampan.server.fields import MAX_USER_CHARS, JsonSchemaFormat, RequestModel, ResponseFormat, SamplingFields

MAX_MESSAGES = 4096
MAX_TOOLS = 1024


class Thinking(RequestModel):
    """`thinking`. Without it the model thinks, since it answers worse otherwise, but its thought is not shown: clients
    that do not ask for a thought expect the answer in the first block."""

    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: int | None = Field(default=None, ge=1)
    display: Literal["summarized", "omitted"] | None = None


class Metadata(RequestModel):
    """`metadata`. `user_id` is whose request it is: a busy server is shared evenly between users."""

    user_id: str | None = None


class Tool(RequestModel):
    """A tool of the client's. Those that Anthropic itself runs have another `type`, and no schema."""

    name: str = Field(min_length=1, max_length=128)
    type: Literal["custom"] | None = None
    description: str | None = None
    input_schema: dict[str, Any]


class ToolChoice(RequestModel):
    """`tool_choice`."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None


class OutputFormat(RequestModel):
    """`output_config.format`."""

    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputConfig(RequestModel):
    """`output_config`. The distills know no degrees of effort."""

    effort: str | None = None
    format: OutputFormat | None = None


class CountTokensRequest(RequestModel):
    """`POST /v1/messages/count_tokens`: what makes up a prompt."""

    model: str
    messages: list[Message] = Field(min_length=1, max_length=MAX_MESSAGES)
    system: Text | None = None
    thinking: Thinking | None = None
    tools: list[Tool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: ToolChoice | None = None

    @property
    def chat(self) -> list[dict[str, Any]]:
        """The conversation in OpenAI's shape."""
        return chat_messages(self.system, self.messages)

    def template_options(self) -> dict[str, Any]:
        """Arguments for `ChatTemplate.encode`. An assistant's turn at the end is the beginning of the answer."""
        return {
            "thinking": self.thinking is None or self.thinking.type != "disabled",
            "continue_final_message": self.messages[-1].role == "assistant",
            "tools": self.functions,
        }

    @property
    def functions(self) -> list[dict[str, Any]] | None:
        """The tools in OpenAI's shape."""
        if not self.tools or (self.tool_choice is not None and self.tool_choice.type == "none"):
            return None
        return [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description or "", "parameters": tool.input_schema},
            }
            for tool in self.tools
        ]


class MessagesRequest(CountTokensRequest):
    """`POST /v1/messages`."""

    max_tokens: int = Field(ge=1)
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stream: bool | None = None
    metadata: Metadata | None = None
    output_config: OutputConfig | None = None

    def sampling(self) -> SamplingFields:
        """How tokens are drawn, in the names of `SamplingFields`.

        Raises:
            RequestError: thinking is enabled without a budget.
        """
        thinking = self.thinking or Thinking(type="adaptive")
        if thinking.type == "enabled" and thinking.budget_tokens is None:
            raise RequestError("thinking.budget_tokens is missing", param="thinking", remedy="say how many tokens")
        user = self.metadata.user_id if self.metadata else None
        return SamplingFields(
            user=user and user[:MAX_USER_CHARS],
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            stop=self.stop_sequences,
            max_tokens=self.max_tokens,
            thinking_token_budget=thinking.budget_tokens if thinking.type == "enabled" else None,
            response_format=self._response_format(),
        )

    def _response_format(self) -> ResponseFormat | None:
        if self.output_config is None or self.output_config.format is None:
            return None
        described = JsonSchemaFormat(schema=self.output_config.format.schema_)
        return ResponseFormat(type="json_schema", json_schema=described)
