"""The fields that requests of every API have in common, in OpenAI's names and vLLM's where OpenAI has none.

Types are strict (a number in quotes is not a number) and every count is bounded here or in `SamplingParams`. A field
that is declared here is honoured. The fields of `UNSUPPORTED` are refused unless their value asks for nothing. Any
other field is accepted and named in the log: clients of other servers keep working, and their authors can find out.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sampan.engine.repetition import MAX_COUNT as MAX_REPETITIONS
from sampan.engine.repetition import MAX_PATTERN_SIZE
from sampan.engine.sampling_params import (
    MAX_ABS_LOGIT_BIAS,
    MAX_ALLOWED_TOKEN_IDS,
    MAX_BAD_WORDS,
    MAX_LOGIT_BIAS,
    MAX_LOGPROBS,
    MAX_SEED,
    MAX_STOP_CHARS,
    MAX_STOP_STRINGS,
    MAX_STOP_TOKEN_IDS,
    RANGES,
)
from sampan.engine.structured import StructuredOutputsParams
from sampan.errors import RequestError, UnsupportedError

logger = logging.getLogger("sampan.server")

MAX_CHOICES = 64  # answers of one request: n, or n times the number of prompts
MAX_PRIORITY = 100
MAX_USER_CHARS = 256
MAX_TIMEOUT_SECONDS = 86400.0
MAX_REPORTED_FIELDS = 8
MAX_COUNT = 2**31 - 1  # of tokens, where the context is the real bound; also of their ids

# What a value means where its bound is the model's; `sampan.server.openapi` puts that in.
TOKEN_ID, TOKEN_LIMIT, MODEL_NAME = "token-id", "token-limit", "model-name"

# Fields that this version lacks, and their values that ask for nothing; see `refuse_unsupported`.
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "best_of": (1,),
    "suffix": ("",),
    "prompt_logprobs": (),
    "use_beam_search": (False,),
    "length_penalty": (1, 1.0),
    "truncate_prompt_tokens": (),
    "guided_whitespace_pattern": (),
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
WITHOUT_EFFECT = frozenset(
    {"metadata", "safety_identifier", "service_tier", "prompt_cache_key", "guided_decoding_backend"}
)


class RequestModel(BaseModel):
    """Strict and immutable; keeps unknown fields aside for `refuse_unsupported`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", allow_inf_nan=False)


ModelName = Annotated[str, Field(max_length=256, json_schema_extra={"format": MODEL_NAME})]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
TokenId = Annotated[int, Field(ge=0, le=MAX_COUNT, json_schema_extra={"format": TOKEN_ID})]
TokenLimit = Annotated[int, Field(ge=1, le=MAX_COUNT, json_schema_extra={"format": TOKEN_LIMIT})]
TokenIds = Annotated[list[TokenId], Field(min_length=1, fail_fast=True)]
Bias = Annotated[float, Field(ge=-MAX_ABS_LOGIT_BIAS, le=MAX_ABS_LOGIT_BIAS)]
_LOGIT_BIAS = Field(max_length=MAX_LOGIT_BIAS, json_schema_extra={"propertyNames": {"pattern": "^[0-9]{1,7}$"}})
Choices = Annotated[list[str], Field(min_length=1, fail_fast=True)]
BadWord = Annotated[str, Field(min_length=1, max_length=64)]
StopString = Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARS)]
StopStrings = Annotated[list[StopString], Field(max_length=MAX_STOP_STRINGS, fail_fast=True)]
StopTokenIds = Annotated[list[TokenId], Field(max_length=MAX_STOP_TOKEN_IDS, fail_fast=True)]
LogitBias = Annotated[dict[TokenId, Bias], _LOGIT_BIAS]
TopP = Annotated[float, Field(gt=0, le=RANGES["top_p"][1])]
TopK = Annotated[int, Field(ge=-1, le=MAX_COUNT)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
NumLogprobs = Annotated[int, Field(ge=0, le=MAX_LOGPROBS)]


def within(name: str) -> Any:
    """An optional field with the bounds of `SamplingParams`."""
    low, high = RANGES[name]
    return Field(default=None, ge=low, le=high)


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
    choice: Choices | None = None
    grammar: str | None = None


class RepetitionFields(RequestModel):
    """`repetition_detection`; see `RepetitionDetection`. Without a size or a count, nothing is looked for."""

    max_pattern_size: int = Field(default=0, ge=0, le=MAX_PATTERN_SIZE)
    min_pattern_size: int = Field(default=0, ge=0, le=MAX_PATTERN_SIZE)
    min_count: int = Field(default=0, ge=0, le=MAX_REPETITIONS)


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

    temperature: float | None = within("temperature")
    top_p: TopP | None = None
    top_k: TopK | None = None
    min_p: float | None = within("min_p")
    seed: Seed | None = None
    presence_penalty: float | None = within("presence_penalty")
    frequency_penalty: float | None = within("frequency_penalty")
    repetition_penalty: float | None = within("repetition_penalty")
    logit_bias: LogitBias | None = None
    stop: StopString | StopStrings | None = None
    stop_token_ids: StopTokenIds | None = None
    include_stop_str_in_output: bool | None = None
    skip_special_tokens: bool | None = None
    ignore_eos: bool | None = None
    min_tokens: Count | None = None
    thinking_token_budget: Count | None = None  # vLLM's name; the next two are other servers'
    thinking_budget: Count | None = None
    reasoning_max_tokens: Count | None = None
    answer_reserve: Count | None = None
    loop_guard: bool | None = None
    allowed_token_ids: Annotated[list[TokenId], Field(max_length=MAX_ALLOWED_TOKEN_IDS)] | None = None
    bad_words: Annotated[list[BadWord], Field(max_length=MAX_BAD_WORDS // 2)] | None = None
    repetition_detection: RepetitionFields | None = None
    max_tokens: TokenLimit | None = None
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputsFields | None = None
    guided_json: str | dict[str, Any] | None = None
    guided_regex: str | None = None
    guided_choice: Choices | None = None
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

    def with_tools(self, wanted: StructuredOutputsParams | None) -> StructuredOutputsParams | None:
        """The constraint on an answer that may or must call tools, if there are any."""
        return wanted

    @property
    def num_logprobs(self) -> int | None:
        """None for none, 0 for the drawn tokens' own, k for the k most probable ones besides."""
        return None

    @property
    def num_prompt_logprobs(self) -> int | None:
        """The same for the tokens of the prompt."""
        return None


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
