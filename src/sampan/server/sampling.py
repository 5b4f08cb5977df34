"""From request fields to `SamplingParams`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from sampan.engine.repetition import RepetitionDetection
from sampan.engine.sampling_params import SamplingParams
from sampan.server.fields import RepetitionFields, SamplingFields
from sampan.server.structured import structured_outputs

# Fields that have the same name and meaning in requests and in SamplingParams.
SHARED_FIELDS = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "logit_bias",
    "stop",
    "stop_token_ids",
    "include_stop_str_in_output",
    "skip_special_tokens",
    "ignore_eos",
    "min_tokens",
    "answer_reserve",
    "loop_guard",
)


def sampling_params(
    request: SamplingFields, defaults: SamplingParams, encode: Callable[[str], list[int]]
) -> SamplingParams:
    """The request's fields over the defaults.

    Args:
        encode: token ids of a text.

    Raises:
        RequestError: a value is out of range; `param` names it.
    """
    given = {name: value for name in SHARED_FIELDS if (value := getattr(request, name)) is not None}
    return replace(
        defaults,
        **given,
        max_tokens=defaults.max_tokens if request.max_new_tokens is None else request.max_new_tokens,
        thinking_token_budget=(
            defaults.thinking_token_budget if request.max_thinking_tokens is None else request.max_thinking_tokens
        ),
        logprobs=request.num_logprobs,
        allowed_token_ids=tuple(request.allowed_token_ids) if request.allowed_token_ids else None,
        bad_word_ids=tuple(dict.fromkeys(ids for word in request.bad_words or () for ids in _as_ids(word, encode))),
        repetition_detection=_repetition_detection(request.repetition_detection),
        prompt_logprobs=request.num_prompt_logprobs,
        structured_outputs=structured_outputs(request),
    )


def _as_ids(word: str, encode: Callable[[str], list[int]]) -> tuple[tuple[int, ...], ...]:
    """A word at the beginning of a text and behind a blank, which are different tokens."""
    return tuple(encode(word)), tuple(encode(f" {word.lstrip()}"))


def _repetition_detection(fields: RepetitionFields | None) -> RepetitionDetection | None:
    if fields is None or not fields.max_pattern_size or not fields.min_count:
        return None
    return RepetitionDetection(
        max_pattern_size=fields.max_pattern_size,
        min_pattern_size=fields.min_pattern_size or 1,
        min_count=fields.min_count,
    )


def seed_of_choice(seed: int | None, index: int) -> int | None:
    """Each of a request's `n` answers has its own seed, which follows from the request's. The first has just that one:
    it is the answer of the same request with n=1."""
    if seed is None or index == 0:
        return seed
    digest = hashlib.sha256(f"{seed}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
