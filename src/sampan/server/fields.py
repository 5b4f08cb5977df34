"""The fields that requests of every API have in common, in OpenAI's names and vLLM's where OpenAI has none.

Types are strict (a number in quotes is not a number) and every count is bounded here or in `SamplingParams`. A field
that is declared here is honoured. The fields of `UNSUPPORTED` are refused unless their value asks for nothing. Any
other field is accepted and named in the log: clients of other servers keep working, and their authors can find out.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sampan.errors import RequestError, UnsupportedError

logger = logging.getLogger("sampan.server")

MAX_CHOICES = 64  # answers of one request: n, or n times the number of prompts
MAX_PRIORITY = 100
MAX_USER_CHARS = 256
MAX_TIMEOUT_SECONDS = 86400.0
MAX_REPORTED_FIELDS = 8

# Fields that this version lacks, and their values that ask for nothing; see `refuse_unsupported`.
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "functions": ([],),
    "function_call": ("none", "auto"),
    "best_of": (1,),
    "suffix": ("",),
    "prompt_logprobs": (),
    "bad_words": ([],),
    "allowed_token_ids": ([],),
    "repetition_detection": (),
    "use_beam_search": (False,),
    "length_penalty": (1, 1.0),
    "truncate_prompt_tokens": (),
    "return_token_ids": (False,),
    "modalities": (["text"],),
    "audio": (),
    "store": (False,),
    "chat_template": (),
    "template": ("",),
    "images": ([],),
    "mirostat": (0,),
    "tfs_z": (1, 1.0),
    "typical_p": (1, 1.0),
    "watermark": (False,),
    "adapter_id": (),
    "decoder_input_details": (False,),
    "image_data": ([],),
    "input_embeds": (),
    "lora_path": (),
    "session_params": (),
    "token_ids_logprob": (),
    "return_hidden_states": (False,),
    "return_routed_experts": (False,),
}

# Known fields that cannot change an answer of this server.
WITHOUT_EFFECT = frozenset({"metadata", "safety_identifier", "service_tier", "parallel_tool_calls", "prompt_cache_key"})


class RequestModel(BaseModel):
    """Strict and immutable; keeps unknown fields aside for `refuse_unsupported`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", allow_inf_nan=False)


class JsonSchemaFormat(RequestModel):
    """`response_format.json_schema`. Without `strict`, keywords that cannot be enforced are left aside."""

    name: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(RequestModel):
    """`response_format`."""

    type: Literal["text", "json_object", "json_schema"]
    described: JsonSchemaFormat | None = Field(default=None, alias="json_schema")


class StructuredOutputsFields(RequestModel):
    """`structured_outputs`; see `StructuredOutputsParams`."""

    schema_: str | dict[str, Any] | None = Field(default=None, alias="json")
    json_object: bool | None = None
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None


class AdmissionFields(RequestModel):
    """When a request has its turn.

    `user` is whose request it is: a busy server is shared evenly between users. `priority` orders the requests of one
    user, lower ones first, as in vLLM. `timeout` is in seconds: a request that has not ended by then is refused or cut.
    """

    user: str | None = Field(default=None, max_length=MAX_USER_CHARS)
    priority: int | None = Field(default=None, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    timeout: float | None = Field(default=None, gt=0, le=MAX_TIMEOUT_SECONDS)

    def admission(self) -> dict[str, Any]:
        """These fields alone, for the sampling fields of a request that is worded in another API."""
        return {name: getattr(self, name) for name in AdmissionFields.model_fields}


class SamplingFields(AdmissionFields):
    """How tokens are drawn. None takes the server's default, which is the model's own recommendation."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: dict[int, float] | None = None
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = None
    include_stop_str_in_output: bool | None = None
    skip_special_tokens: bool | None = None
    ignore_eos: bool | None = None
    min_tokens: int | None = None
    thinking_token_budget: int | None = None  # vLLM's name; the next two are other servers'
    thinking_budget: int | None = None
    reasoning_max_tokens: int | None = None
    answer_reserve: int | None = None
    loop_guard: bool | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputsFields | None = None
    guided_json: str | dict[str, Any] | None = None
    guided_regex: str | None = None
    guided_choice: list[str] | None = None
    guided_grammar: str | None = None

    @property
    def max_new_tokens(self) -> int | None:
        """The bound on the answer, whatever name the client gave it."""
        return self.max_tokens

    @property
    def max_thinking_tokens(self) -> int | None:
        """The bound on the thought, whatever name the client gave it."""
        name, value = "thinking_token_budget", self.thinking_token_budget
        for other in ("thinking_budget", "reasoning_max_tokens"):
            value = one_of(name, value, other, getattr(self, other))
        return value

    @property
    def num_logprobs(self) -> int | None:
        """None for none, 0 for the drawn tokens' own, k for the k most probable ones besides."""
        return None

    @property
    def num_prompt_logprobs(self) -> int | None:
        """The same for the tokens of the prompt."""
        return None


class SamplingWithLogprobs(SamplingFields):
    """What requests of other APIs become: these have fields of their own for the number of logprobs."""

    logprobs: int | None = None

    @property
    def num_logprobs(self) -> int | None:
        return self.logprobs


def one_of(name: str, value: int | None, other_name: str, other: int | None) -> int | None:
    """Two names of one bound."""
    if value is not None and other is not None and value != other:
        raise RequestError(f"{name} and {other_name} differ", param=name, remedy="send one of them")
    return other if value is None else value


def refuse_unsupported(request: RequestModel) -> None:
    """Refuses known fields that this version lacks; logs the names of unknown ones.

    Raises:
        UnsupportedError: names the field.
    """
    extra = request.model_extra or {}
    for name, value in extra.items():
        if name in UNSUPPORTED and value is not None and not any(_same(value, idle) for idle in UNSUPPORTED[name]):
            raise UnsupportedError(f"{name} is not supported with this value yet", param=name, remedy="leave it out")
    unknown = [name[:40] for name in extra if name not in UNSUPPORTED and name not in WITHOUT_EFFECT]
    if unknown:
        shown = ascii(unknown[:MAX_REPORTED_FIELDS])
        logger.warning("accepted without effect, %d unknown request fields: %s", len(unknown), shown)


def _same(value: Any, idle: Any) -> bool:
    """Equality in which true is not 1."""
    return isinstance(value, bool) == isinstance(idle, bool) and bool(value == idle)
