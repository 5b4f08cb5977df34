"""Whose shape a request to `/generate` has: what its fields say, and what they cannot say together."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

import msgspec

from sampan.errors import RequestError
from sampan.server.generate.lmdeploy import LmdeployRequest
from sampan.server.generate.sglang import SglangRequest
from sampan.server.generate.simple import SimpleRequest
from sampan.server.generate.tgi import TgiRequest


class Shape(Enum):
    """The value is what parses the request."""

    SIMPLE = SimpleRequest
    TGI = TgiRequest
    SGLANG = SglangRequest
    LMDEPLOY = LmdeployRequest


# Each request has one of these, the prompt.
PROMPTS = ("prompt", "inputs", "text", "input_ids")
# What only one server has beside the prompt, and so tells whose request it is.
OPTIONS = {"parameters": Shape.TGI, "sampling_params": Shape.SGLANG}
LMDEPLOY_FIELDS = frozenset(
    {"session_id", "return_logprob", "spaces_between_special_tokens", "return_routed_experts", "image_data"}
)
LMDEPLOY_ID_FIELDS = LMDEPLOY_FIELDS | {"max_tokens", "temperature", "top_p", "top_k", "stop", "ignore_eos"}


def field_names(body: bytes) -> list[str]:
    """The fields of a JSON object; none where it is malformed, which is for its parser to say."""
    try:
        return list(msgspec.json.decode(body, type=dict[str, msgspec.Raw]))
    except (msgspec.DecodeError, RecursionError):
        return []


def shape_of(names: Collection[str]) -> Shape:
    """The shape of a request with these fields.

    Raises:
        RequestError: they belong to different ones.
    """
    prompts = [name for name in PROMPTS if name in names]
    options = [name for name in OPTIONS if name in names]
    if len(prompts) > 1 or len(options) > 1:
        both = prompts if len(prompts) > 1 else options
        raise RequestError(f"{both[0]} and {both[1]} are both given", param=both[1], remedy="send one of them")
    shape = _shape_of_prompt(prompts[0] if prompts else "", names)
    if options and OPTIONS[options[0]] is not shape:
        if prompts:
            raise RequestError(
                f"{options[0]} does not go with {prompts[0]}",
                param=options[0],
                remedy="inputs has parameters, text has sampling_params, prompt has its options beside it",
            )
        return OPTIONS[options[0]]
    return shape


def _shape_of_prompt(prompt: str, names: Collection[str]) -> Shape:
    if prompt == "inputs":
        return Shape.TGI
    if prompt == "text":
        return Shape.SGLANG
    if prompt == "input_ids":  # two servers have it
        is_sglang = "sampling_params" in names or LMDEPLOY_ID_FIELDS.isdisjoint(names)
        return Shape.SGLANG if is_sglang else Shape.LMDEPLOY
    return Shape.SIMPLE if LMDEPLOY_FIELDS.isdisjoint(names) else Shape.LMDEPLOY
