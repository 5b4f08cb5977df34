"""`POST /v1/embeddings`: texts as vectors of length 1, whose scalar product says how near they are."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from sampan.backends.base import Float32Array
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import ContextLengthError, RequestError
from sampan.server.http.body import body_schema
from sampan.server.http.disconnect import unless_disconnected
from sampan.server.off_loop import off_loop_if
from sampan.server.pooling.read_prompts import PromptToRead, read_prompts
from sampan.server.pooling.requests import EmbeddingRequest
from sampan.server.pooling.shapes import EmbeddingList
from sampan.server.read_request import read_request
from sampan.server.respond import json_response
from sampan.server.service import INLINE_CHARS, Service
from sampan.text import Tokenizer

INLINE_NUMBERS = 16384  # written in a few milliseconds


def embedding_routes(service: Service) -> APIRouter:
    """Embeddings."""
    router = APIRouter(tags=["openai"])

    @router.post(
        "/v1/embeddings",
        summary="Texts as vectors",
        responses={200: {"model": EmbeddingList}},
        openapi_extra=body_schema(EmbeddingRequest),
    )
    async def embeddings(http: Request) -> Response:
        request = await read_request(http, service.config, EmbeddingRequest)
        model = service.model_name(request.model)
        found, num_tokens = await unless_disconnected(http.receive, embed(service, request))
        is_large = len(found) * service.engine.config.hidden_size > INLINE_NUMBERS
        body = {
            "object": "list",
            "data": await off_loop_if(is_large, lambda: _data(found, request.encoding_format == "base64")),
            "model": model,
            "usage": {"prompt_tokens": num_tokens, "total_tokens": num_tokens},
        }
        return json_response(body)

    return router


async def embed(service: Service, request: EmbeddingRequest) -> tuple[list[Float32Array], int]:
    """The vectors of a request's inputs, and how many tokens these have.

    Raises:
        RequestError: the dimensions are not the model's, or an id is not.
        ContextLengthError: an input does not fit.
        SampanError: see `read_prompts`.
    """
    _check_dimensions(request.dimensions, service.engine.config.hidden_size)
    prompts = await _prompts(service, request)
    params = SamplingParams(max_tokens=0, pooling=request.pooling or "mean")
    reads = [PromptToRead(prompt, params) for prompt in prompts]
    done = await read_prompts(service, reads, request, request.cache_salt or "")
    return [read.pooled for read in done if read.pooled is not None], sum(map(len, prompts))


def _check_dimensions(dimensions: int | None, hidden_size: int) -> None:
    """The first numbers of a hidden state say no more than any others, unless a model was trained for that (Matryoshka
    representations, arXiv:2205.13147). No R1 distill was.

    Raises:
        RequestError: fewer or more are asked for than there are.
    """
    if dimensions not in (None, hidden_size):
        raise RequestError(
            f"This model's embeddings have {hidden_size} dimensions",
            param="dimensions",
            remedy=f"leave it out or use {hidden_size}",
        )


async def _prompts(service: Service, request: EmbeddingRequest) -> list[list[int]]:
    """Token ids of each input. Texts are taken without BOS: that tells more of them, and their mean less of BOS.

    Raises:
        RequestError: an id is not the model's.
        ContextLengthError: an input does not fit.
    """
    inputs, longest = request.input, service.engine.max_model_len
    given = [inputs] if isinstance(inputs, str) or isinstance(inputs[0], int) else inputs
    num_chars = sum(len(item) for item in given if isinstance(item, str))
    prompts = await off_loop_if(num_chars > INLINE_CHARS, lambda: _token_ids(given, service.tokenizer))
    if request.truncate_prompt_tokens is not None:
        kept = longest if request.truncate_prompt_tokens == -1 else request.truncate_prompt_tokens
        prompts = [prompt[-kept:] for prompt in prompts]
    for index, prompt in enumerate(prompts):
        if len(prompt) > longest:
            raise ContextLengthError(
                f"input[{index}] has {len(prompt)} tokens, and the context {longest}",
                param="input",
                remedy="send shorter texts, or truncate_prompt_tokens=-1 to have them cut",
            )
        if max(prompt) >= service.tokenizer.vocab_size:
            raise RequestError(
                f"input[{index}] holds an id outside the vocabulary",
                param="input",
                remedy=f"use ids 0 to {service.tokenizer.vocab_size - 1}",
            )
    return prompts


def _token_ids(inputs: Sequence[Any], tokenizer: Tokenizer) -> list[list[int]]:
    return [tokenizer.encode(item) if isinstance(item, str) else item for item in inputs]


def numbers_in_json(vectors: Sequence[Float32Array]) -> list[msgspec.Raw]:
    """Each vector as a list in JSON of its own; see `_data`."""
    return [msgspec.Raw(msgspec.json.encode(_numbers(vector))) for vector in vectors]


def _data(vectors: Sequence[Float32Array], as_base64: bool) -> list[msgspec.Raw]:
    """Each vector in JSON of its own, so that a thread which writes many lets others run in between."""
    return [msgspec.Raw(msgspec.json.encode(_entry(i, vector, as_base64))) for i, vector in enumerate(vectors)]


def _entry(index: int, vector: Float32Array, as_base64: bool) -> dict[str, Any]:
    values = base64.b64encode(vector.astype("<f4").tobytes()).decode() if as_base64 else _numbers(vector)
    return {"object": "embedding", "index": index, "embedding": values}


def _numbers(vector: Float32Array) -> list[float]:
    """In the fewest digits that name the same float32."""
    numbers: list[float] = vector.astype(str).astype(np.float64).tolist()
    return numbers
