"""What the engine and the Python API hand out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import msgspec

from sampan.backends.base import Float32Array, TokenLogprobs

REPETITION_DETECTED = "repetition_detected"  # of `SamplingParams.repetition_detection`; the word is vLLM's
REPETITION = "repetition"  # the stop reason of an answer that repeated itself; see `SamplingParams.loop_guard`


class FinishReason(str, Enum):
    """Why a request ended; OpenAI's words, and two of our own for what OpenAI does not have."""

    STOP = "stop"
    LENGTH = "length"
    ABORT = "abort"
    ERROR = "error"


TIMEOUT = "timeout"
"""The `stop_reason` of a request that was aborted because its deadline came."""


class EngineOutput(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one step brought one request: token ids only, no text. Made for every token of every request, so it is the
    cheapest kind of object there is, and travels between processes as it is.

    Args:
        new_token_ids: drawn in this step, several where drafts were right; an end token is among them.
        logprobs: one entry per new token where the request asked for them, else empty.
        finish_reason: None while the request goes on.
        stop_reason: the stop token id that ended the request, where it is not the model's own end token; or
            `REPETITION`.
        num_cached_tokens: prompt tokens that came from the prefix cache.
        prompt_logprobs: of the prompt's next tokens, where the request asked for them; they come before its answer.
        pooled: [hidden_size], where the request asked for that.
        began_at: when the request first had its turn, by `time.monotonic`; with its first token only.
    """

    request_id: str
    new_token_ids: tuple[int, ...]
    logprobs: tuple[TokenLogprobs, ...] = ()
    finish_reason: FinishReason | None = None
    stop_reason: int | str | None = None
    num_cached_tokens: int = 0
    prompt_logprobs: tuple[TokenLogprobs, ...] = ()
    pooled: Float32Array | None = None
    began_at: float | None = None


@dataclass(frozen=True, slots=True)
class CompletionOutput:
    """One finished answer. `text` is all that was generated; reasoning models have `reasoning_content` and `content`
    split off.

    `content` is None where generation ended before `</think>`: everything is reasoning then. `num_reasoning_tokens`
    counts the thought with its `</think>`.
    """

    index: int
    text: str
    token_ids: tuple[int, ...]
    finish_reason: str
    stop_reason: int | str | None = None
    logprobs: tuple[TokenLogprobs, ...] = ()
    reasoning_content: str | None = None
    content: str | None = None
    num_reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class RequestOutput:
    """One finished request of the Python API, in vLLM's shape."""

    request_id: str
    prompt: str | None
    prompt_token_ids: tuple[int, ...]
    outputs: tuple[CompletionOutput, ...]
    num_cached_tokens: int = 0
    prompt_logprobs: tuple[TokenLogprobs, ...] = ()  # of all tokens but the first, where they were asked for
