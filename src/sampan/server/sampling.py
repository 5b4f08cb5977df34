"""From request fields to `SamplingParams`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sampan.engine.sampling_params import SamplingParams
from sampan.errors import ConfigError, RequestError
from sampan.server.protocol import SamplingFields

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
)


def sampling_defaults(generation_config: Mapping[str, Any], max_tokens: int | None) -> SamplingParams:
    """What a request gets where it says nothing: the recommendations of the model's `generation_config.json`, as vLLM does.

    Raises:
        ConfigError: a value there is out of range.
    """
    known = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
    values = {name: generation_config[name] for name in known if generation_config.get(name) is not None}
    if generation_config.get("do_sample") is False:
        values["temperature"] = 0.0
    try:
        return SamplingParams(**values, max_tokens=max_tokens)
    except (RequestError, TypeError) as error:
        raise ConfigError(f"generation_config.json: {error}", remedy="correct it or remove the line") from error


def sampling_params(request: SamplingFields, defaults: SamplingParams) -> SamplingParams:
    """The request's fields over the defaults.

    Raises:
        RequestError: a value is out of range; `param` names it.
    """
    given = {name: value for name in SHARED_FIELDS if (value := getattr(request, name)) is not None}
    max_tokens = request.max_new_tokens or defaults.max_tokens
    return replace(defaults, **given, max_tokens=max_tokens, logprobs=request.num_logprobs)


def seed_of_choice(seed: int | None, index: int) -> int | None:
    """Each of a request's `n` answers has a seed of its own that follows from the request's; the first has just that one, so
    that it is the answer of the same request with n=1."""
    if seed is None or index == 0:
        return seed
    digest = hashlib.sha256(f"{seed}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
