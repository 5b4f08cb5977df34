"""What Ollama's paths take."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sampan.engine.sampling_params import MAX_LOGPROBS
from sampan.errors import RequestError, UnsupportedError
from sampan.server.fields import AdmissionFields, RequestModel, SamplingWithLogprobs
from sampan.server.ollama.options import Format, Options, Think

MAX_MESSAGES = 4096
LATEST = ":latest"  # what Ollama's clients put behind a name that has no tag


class ModelRequest(RequestModel):
    """A request about a model. `name` is the older word for it."""

    model: str | None = None
    name: str | None = None

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


class AnswerRequest(ModelRequest, AdmissionFields):
    """What generate and chat have in common. Answers are streamed unless `stream` is false."""

    stream: bool | None = None
    think: Think | None = None
    format: Format | None = None
    options: Options | None = None
    keep_alive: float | str | None = None  # the model stays loaded whatever this says
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=MAX_LOGPROBS)

    @property
    def is_streamed(self) -> bool:
        """Whether the answer comes in lines."""
        return self.stream is not False

    @property
    def is_thinking(self) -> bool:
        """Whether the model thinks before it answers. The distills know no degrees of it."""
        return self.think is not False

    def sampling(self) -> SamplingWithLogprobs:
        """How tokens are drawn, and whose request it is."""
        num_logprobs = (self.top_logprobs or 0) if self.logprobs else None
        return (self.options or Options()).sampling(self.format, logprobs=num_logprobs, **self.admission())


class GenerateRequest(AnswerRequest):
    """`POST /api/generate`. `context` is what an earlier answer returned as such: the conversation so far, as ids."""

    prompt: str = ""
    system: str | None = None
    context: list[int] | None = None
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


class ChatMessage(RequestModel):
    """One turn."""

    role: str
    content: str = ""
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[dict[str, Any]] | None = None
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
            "tool_calls": self.tool_calls,
            "tool_call_id": self.tool_call_id,
        }
        return {key: value for key, value in message.items() if value is not None}


class ChatRequest(AnswerRequest):
    """`POST /api/chat`."""

    messages: list[ChatMessage] = Field(default=[], max_length=MAX_MESSAGES)
    tools: list[dict[str, Any]] | None = None

    @property
    def chat(self) -> list[dict[str, Any]]:
        """The conversation in OpenAI's shape."""
        return [message.openai() for message in self.messages]
