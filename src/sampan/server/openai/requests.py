"""What OpenAI's paths take."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sampan.engine.sampling_params import MAX_LOGPROBS
from sampan.engine.structured import StructuredOutputsParams
from sampan.errors import RequestError
from sampan.server.fields import MAX_CHOICES, MAX_COUNT, ModelName, SamplingFields, TokenIds, TokenLimit, one_of
from sampan.server.openai.messages import Messages, TemplateArguments
from sampan.server.openai.reasoning import Effort, ReasoningFormat, ReasoningOptions, ThinkingOptions, one_thinking
from sampan.server.openai.tool_grammar import tool_constraint
from sampan.server.openai.tools import (
    MAX_TOOLS,
    FunctionFields,
    NamedTool,
    NameFields,
    ToolChoice,
    ToolFields,
    ToolPlan,
)

SEVERAL = Field(min_length=1, max_length=MAX_CHOICES, fail_fast=True)  # prompts

STREAM_OPTIONS_NEED_STREAM: JsonDict = {
    "if": {"required": ["stream_options"], "properties": {"stream_options": {"type": "object"}}},
    "then": {"required": ["stream"], "properties": {"stream": {"const": True}}},
}


class OpenAIRequest(SamplingFields):
    """What chat and completions have in common."""

    model_config = ConfigDict(json_schema_extra=STREAM_OPTIONS_NEED_STREAM)

    model: ModelName | None = None
    max_tokens: Annotated[TokenLimit, Field(ge=0)] | None = None  # 0 where only the prompt is read
    prompt_logprobs: int | None = Field(default=None, ge=0, le=MAX_LOGPROBS)
    n: int | None = Field(default=None, ge=1, le=MAX_CHOICES)
    stream: bool | None = None
    stream_options: dict[str, bool | None] | None = None
    truncate_prompt_tokens: Literal[-1] | Annotated[int, Field(ge=1, le=MAX_COUNT)] | None = (
        None  # keeps the last ones; -1 as many as fit
    )
    return_token_ids: bool | None = None
    request_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._:-]{1,128}$")  # the end of the answer's id
    cache_salt: str | None = Field(default=None, max_length=256)  # cached prompts are shared under equal salts only

    @property
    def num_choices(self) -> int:
        """Answers of each prompt."""
        return self.n or 1

    def answer_id(self, prefix: str) -> str:
        """The `id` of the answer."""
        return f"{prefix}-{self.request_id or uuid.uuid4().hex}"

    def truncated(self, prompt: Sequence[int], max_model_len: int) -> Sequence[int]:
        """The end of a prompt, where the request wants no more of it."""
        if self.truncate_prompt_tokens is None:
            return prompt
        room = max_model_len - (self.max_new_tokens or 1)
        return prompt[-max(room, 1) :] if self.truncate_prompt_tokens == -1 else prompt[-self.truncate_prompt_tokens :]

    @property
    def continuous_usage(self) -> bool:
        """Whether each chunk of a stream says what was used so far."""
        return self.include_usage and bool((self.stream_options or {}).get("continuous_usage_stats"))

    @property
    def num_prompt_logprobs(self) -> int | None:
        if self.prompt_logprobs is not None and self.stream:
            remedy = "leave one of them out"
            raise RequestError("stream and prompt_logprobs exclude each other", param="prompt_logprobs", remedy=remedy)
        return self.prompt_logprobs

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
    reasoning_effort: Effort | None = None
    reasoning: ReasoningOptions | None = None
    thinking: ThinkingOptions | None = None
    enable_thinking: bool | None = None
    reasoning_format: ReasoningFormat | None = None
    separate_reasoning: bool | None = None
    chat_template_kwargs: TemplateArguments | None = None
    add_generation_prompt: bool | None = None
    continue_final_message: bool | None = None
    tools: list[ToolFields] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionFields] | None = Field(default=None, max_length=MAX_TOOLS)  # what tools were before
    function_call: Literal["none", "auto"] | NameFields | None = None
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

    @property
    def max_thinking_tokens(self) -> int | None:
        value = super().max_thinking_tokens
        own = self.reasoning.max_tokens if self.reasoning is not None else None
        value = one_of("thinking_token_budget", value, "reasoning.max_tokens", own)
        budget = self.thinking.budget_tokens if self.thinking is not None else None
        return one_of("thinking_token_budget", value, "thinking.budget_tokens", budget)

    @property
    def wants_thinking(self) -> bool | None:
        """None where the request says nothing of it. The distills know no degrees of effort: only `none` differs."""
        efforts = {
            "reasoning_effort": self.reasoning_effort,
            "reasoning.effort": self.reasoning.effort if self.reasoning is not None else None,
        }
        kind = self.thinking.type if self.thinking is not None else "auto"
        return one_thinking(
            {
                **{name: None if effort is None else effort != "none" for name, effort in efforts.items()},
                "reasoning.enabled": self.reasoning.enabled if self.reasoning is not None else None,
                "thinking": {"enabled": True, "disabled": False}.get(kind),
                "enable_thinking": self.enable_thinking,
            }
        )

    def shown_format(self, default: str) -> str:
        """Where the thought is to be seen; see `reasoning.FORMATS`.

        Args:
            default: the server's.
        """
        if self.include_reasoning is False or (self.reasoning is not None and self.reasoning.exclude):
            return "hidden"
        if self.reasoning_format is None and self.separate_reasoning is False:
            return "none"
        return self.reasoning_format or default

    @property
    def has_legacy_tools(self) -> bool:
        """Whether the request speaks of functions as OpenAI did before there were tools."""
        return bool(self.functions)

    @cached_property
    def tool_plan(self) -> ToolPlan | None:
        """Which calls may come; None for none."""
        functions: Sequence[FunctionFields] = [tool.function for tool in self.tools or ()]
        choice = self.tool_choice
        if self.functions:
            if functions:
                raise RequestError("functions are what tools were", param="functions", remedy="send tools alone")
            old = self.function_call
            functions = self.functions
            choice = NamedTool(type="function", function=old) if isinstance(old, NameFields) else old
        return ToolPlan.of(functions, choice, is_parallel=self.parallel_tool_calls is not False)

    def with_tools(self, wanted: StructuredOutputsParams | None) -> StructuredOutputsParams | None:
        plan = self.tool_plan
        return wanted if plan is None else tool_constraint(plan, wanted)

    def template_options(self) -> dict[str, Any]:
        """Arguments for `Service.chat_prompt`."""
        return {
            "thinking": self.wants_thinking,
            "add_generation_prompt": self.add_generation_prompt,
            "continue_final_message": bool(self.continue_final_message),
            "tools": self.tool_plan.shown if self.tool_plan else (),
            "documents": self.documents,
            "template_kwargs": self.chat_template_kwargs,
        }


class CompletionRequest(OpenAIRequest):
    """`POST /v1/completions`. Text never becomes special tokens; a client that wants those sends ids."""

    prompt: str | TokenIds | Annotated[list[str], SEVERAL] | Annotated[list[TokenIds], SEVERAL]
    logprobs: int | None = Field(default=None, ge=0, le=MAX_LOGPROBS)
    echo: bool | None = None

    @property
    def num_logprobs(self) -> int | None:
        return self.logprobs

    @property
    def num_prompt_logprobs(self) -> int | None:
        asked = super().num_prompt_logprobs
        if not self.echo:
            return asked
        if self.logprobs is not None:
            return max(self.logprobs, asked or 0)
        return 0 if asked is None and self.max_tokens == 0 else asked  # an echo is all that is wanted

    def prompts(self) -> list[str] | list[list[int]]:
        """One entry for each prompt.

        Raises:
            RequestError: there would be too many answers.
        """
        if isinstance(self.prompt, str):
            return [self.prompt]
        if isinstance(self.prompt[0], int):
            return [self.prompt]
        if len(self.prompt) * self.num_choices > MAX_CHOICES:
            raise RequestError(f"More than {MAX_CHOICES} answers", param="n", remedy="ask for fewer at once")
        return self.prompt
