"""What Ollama's paths take."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from sampan.errors import RequestError, UnsupportedError
from sampan.server.fields import MAX_COUNT, AdmissionFields, ModelName, NumLogprobs, RequestModel, TokenId
from sampan.server.ollama.options import Format, OllamaOptions, Think
from sampan.server.openai.messages import MAX_MESSAGES
from sampan.server.openai.tools import MAX_TOOLS, ToolFields, ToolPlan
from sampan.server.pooling.requests import MAX_INPUTS, EmbeddingRequest, Text
from sampan.server.worded import WordedSampling

LATEST = ":latest"  # what Ollama's clients put behind a name that has no tag


class OllamaShow(RequestModel):
    """`POST /api/show`. `name` is the older word for the model."""

    model: ModelName | None = None
    name: ModelName | None = None

    @property
    def model_name(self) -> str:
        """The name as the client wrote it.

        Raises:
            RequestError: there is none.
        """
        name = self.model or self.name
        if not name:
            raise RequestError("model is missing", param="model", remedy="name one that /api/tags lists")
        return name


class OllamaRequest(AdmissionFields):
    """What generate and chat have in common. Answers are streamed unless `stream` is false."""

    model: ModelName
    stream: bool | None = None
    think: Think | None = None
    format: Format | None = None
    options: OllamaOptions | None = None
    keep_alive: float | str | None = None  # the model stays loaded whatever this says
    logprobs: bool | None = None
    top_logprobs: NumLogprobs | None = None

    @property
    def is_streamed(self) -> bool:
        """Whether the answer comes in lines."""
        return self.stream is not False

    @property
    def is_thinking(self) -> bool:
        """Whether the model thinks before it answers. The distills know no degrees of it."""
        return self.think is not False

    @property
    def tool_plan(self) -> ToolPlan | None:
        """Which calls may come; None for none."""
        return None

    def sampling(self, room: int) -> WordedSampling:
        """How tokens are drawn, and whose request it is.

        Args:
            room: tokens that the context has left for the answer.
        """
        logprobs = (self.top_logprobs or 0) if self.logprobs else None
        options = self.options or OllamaOptions()
        return options.sampling(room, self.format, logprobs=logprobs, plan=self.tool_plan, **self.admission())


class OllamaGenerate(OllamaRequest):
    """`POST /api/generate`. `context` is what an earlier answer returned as such: the conversation so far, as ids."""

    prompt: str = ""
    system: str | None = None
    context: list[TokenId] | None = None
    raw: bool | None = None

    def check(self) -> None:
        """Refuses fields that contradict each other.

        Raises:
            RequestError: names one.
        """
        if self.raw and (self.system or self.context):
            raise RequestError("raw is without system and context", param="raw", remedy="put them into the prompt")

    @property
    def chat(self) -> list[dict[str, Any]]:
        """System prompt and prompt as a conversation."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": self.prompt}]


class OllamaCalled(RequestModel):
    """The function of a call."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class OllamaCall(RequestModel):
    """A call that the assistant made."""

    function: OllamaCalled


class OllamaMessage(RequestModel):
    """One turn."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[OllamaCall] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None

    def openai(self) -> dict[str, Any]:
        """The same in OpenAI's shape.

        Raises:
            UnsupportedError: there is an image.
        """
        if self.images:
            raise UnsupportedError("This model reads text only", param="messages", remedy="leave images out")
        message = {
            "role": self.role,
            "content": self.content,
            "reasoning_content": self.thinking,
            "name": self.tool_name,
            "tool_calls": [{"function": call.function.model_dump()} for call in self.tool_calls or ()] or None,
            "tool_call_id": self.tool_call_id,
        }
        return {key: value for key, value in message.items() if value is not None}


class OllamaChat(OllamaRequest):
    """`POST /api/chat`."""

    messages: list[OllamaMessage] = Field(default=[], max_length=MAX_MESSAGES)
    tools: list[ToolFields] | None = Field(default=None, max_length=MAX_TOOLS)

    @cached_property
    def tool_plan(self) -> ToolPlan | None:
        """Which calls may come; None for none. What they are given is an object here, so it has to be right.

        Raises:
            RequestError: two tools have the same name.
        """
        plan = ToolPlan.of([tool.function for tool in self.tools or ()], None, is_parallel=True)
        return plan and replace(plan, is_always_valid=True)

    @property
    def chat(self) -> list[dict[str, Any]]:
        """The conversation in OpenAI's shape."""
        return [message.openai() for message in self.messages]


class OllamaEmbed(AdmissionFields):
    """`POST /api/embed`. Inputs that do not fit are cut unless `truncate` is false."""

    model: ModelName
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=MAX_INPUTS)]
    truncate: bool | None = None
    dimensions: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    options: dict[str, Any] | None = None  # there is nothing to draw
    keep_alive: float | str | None = None

    def embedding(self) -> EmbeddingRequest:
        """The same in OpenAI's words."""
        cut = None if self.truncate is False else -1
        return EmbeddingRequest(
            input=self.input, dimensions=self.dimensions, truncate_prompt_tokens=cut, **self.admission()
        )


class OllamaEmbedOne(AdmissionFields):
    """`POST /api/embeddings`, the older path."""

    model: ModelName
    prompt: Text
    options: dict[str, Any] | None = None
    keep_alive: float | str | None = None

    def embedding(self) -> EmbeddingRequest:
        """The same in OpenAI's words."""
        return EmbeddingRequest(input=self.prompt, truncate_prompt_tokens=-1, **self.admission())
