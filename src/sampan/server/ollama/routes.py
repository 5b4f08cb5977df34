"""`/api/generate`, `/api/chat` and what Ollama's clients ask before them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from sampan import __version__
from sampan.server.answer import Answer
from sampan.server.fields import RequestModel, refuse_unsupported
from sampan.server.http.body import body_schema, read_json_from_curl
from sampan.server.http.disconnect import unless_disconnected
from sampan.server.off_loop import off_loop_if
from sampan.server.ollama.context import continued, remembered
from sampan.server.ollama.line_format import MEDIA_TYPE, LineFormat, chat_piece, generated_piece, nanoseconds, now
from sampan.server.ollama.models import ModelFacts, running, shown, tags
from sampan.server.ollama.requests import (
    LATEST,
    OllamaChat,
    OllamaEmbed,
    OllamaEmbedOne,
    OllamaGenerate,
    OllamaRequest,
    OllamaShow,
)
from sampan.server.ollama.shapes import OllamaChatted, OllamaEmbedded, OllamaEmbeddedOne, OllamaGenerated
from sampan.server.pooling.embeddings import embed, numbers_in_json
from sampan.server.respond import json_response, respond
from sampan.server.service import Service


def ollama_routes(service: Service, model_path: Path | None = None) -> APIRouter:
    """Ollama's paths, for the one model that is served.

    Args:
        model_path: the model's folder or file.
    """
    router = APIRouter(tags=["ollama"])
    facts = ModelFacts.of(service.engine.config, model_path)

    @router.head("/", summary="200: a server is here", include_in_schema=False)
    async def here() -> Response:
        return Response()

    @router.get("/api/version", summary="The version of this server")
    async def version() -> dict[str, str]:
        return {"version": __version__}

    @router.get("/api/tags", summary="The served model, once under each of its names")
    async def list_tags() -> dict[str, Any]:
        return tags(service, facts)

    @router.get("/api/ps", summary="The model that is loaded")
    async def list_running() -> dict[str, Any]:
        return running(service, facts)

    @router.post("/api/show", summary="What there is to know of a model", openapi_extra=body_schema(OllamaShow))
    async def show(http: Request) -> Response:
        request = await read_json_from_curl(http, service.config, OllamaShow)
        _known_name(request, request.model_name)
        return json_response(shown(service, facts))

    @router.post(
        "/api/generate",
        summary="Answer a prompt",
        responses={200: in_lines(OllamaGenerated)},
        openapi_extra=body_schema(OllamaGenerate),
    )
    async def generate(http: Request) -> Response:
        request = await read_json_from_curl(http, service.config, OllamaGenerate)
        model = _known_name(request, request.model)
        request.check()
        if not request.prompt and not request.context:
            return _loaded(model, generated_piece("", ""))
        prompt, starts_in_reasoning = await _prompt(request)

        def context(answer: Answer) -> list[int]:
            return remembered(prompt, answer.token_ids, service.tokenizer)

        return await _answer(
            http,
            request,
            prompt,
            starts_in_reasoning,
            LineFormat(
                service.tokenizer,
                model,
                generated_piece,
                with_logprobs=bool(request.logprobs),
                context=None if request.raw else context,
            ),
        )

    @router.post(
        "/api/chat",
        summary="Answer a conversation",
        responses={200: in_lines(OllamaChatted)},
        openapi_extra=body_schema(OllamaChat),
    )
    async def chat(http: Request) -> Response:
        request = await read_json_from_curl(http, service.config, OllamaChat)
        model = _known_name(request, request.model)
        if not request.messages:
            return _loaded(model, chat_piece("", ""))
        plan = request.tool_plan
        prompt = await service.chat_prompt(
            request.chat, thinking=request.is_thinking, tools=plan.shown if plan else None
        )
        shape = LineFormat(service.tokenizer, model, chat_piece, with_logprobs=bool(request.logprobs), plan=plan)
        return await _answer(http, request, prompt.token_ids, prompt.starts_in_reasoning, shape)

    @router.post(
        "/api/embed",
        summary="Texts as vectors",
        responses={200: {"model": OllamaEmbedded}},
        openapi_extra=body_schema(OllamaEmbed),
    )
    async def embed_many(http: Request) -> Response:
        started = time.perf_counter()
        request = await read_json_from_curl(http, service.config, OllamaEmbed)
        model = _known_name(request, request.model)
        vectors, num_tokens = await unless_disconnected(http.receive, embed(service, request.embedding()))
        embeddings = await off_loop_if(len(vectors) > 1, lambda: numbers_in_json(vectors))
        durations = {"total_duration": nanoseconds(time.perf_counter() - started), "load_duration": 0}
        return json_response({"model": model, "embeddings": embeddings, **durations, "prompt_eval_count": num_tokens})

    @router.post(
        "/api/embeddings",
        summary="A text as a vector",
        responses={200: {"model": OllamaEmbeddedOne}},
        openapi_extra=body_schema(OllamaEmbedOne),
    )
    async def embed_one(http: Request) -> Response:
        request = await read_json_from_curl(http, service.config, OllamaEmbedOne)
        _known_name(request, request.model)
        vectors, _ = await unless_disconnected(http.receive, embed(service, request.embedding()))
        return json_response({"embedding": numbers_in_json(vectors)[0]})

    def _known_name(request: RequestModel, name: str) -> str:
        """The name as the client wrote it, if it is one of the model's."""
        refuse_unsupported(request)
        service.model_name(name.removesuffix(LATEST))
        return name

    async def _prompt(request: OllamaGenerate) -> tuple[list[int], bool | None]:
        """The prompt's ids, and whether they end inside a thought; None where there is none to tell apart."""
        if request.raw:
            return list(await service.text_prompt(request.prompt)), None
        turn = await service.chat_prompt(request.chat, thinking=request.is_thinking)
        return continued(request.context or (), turn.token_ids, service.tokenizer), turn.starts_in_reasoning

    async def _answer(
        http: Request,
        request: OllamaRequest,
        prompt: Sequence[int],
        starts_in_reasoning: bool | None,
        shape: LineFormat,
    ) -> Response:
        if request.options is not None:
            refuse_unsupported(request.options)
        sampling = request.sampling(service.engine.max_model_len - len(prompt))
        answers = service.open([prompt], sampling, starts_in_reasoning=starts_in_reasoning)
        ping_interval = service.config.ping_interval_seconds
        return await respond(http, answers, shape, ping_interval, stream=request.is_streamed, wire=shape.wire)

    return router


def in_lines(model: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says of an answer that is streamed unless the request says otherwise."""
    return {"model": model, "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}


def _loaded(model: str, piece: dict[str, Any]) -> Response:
    """The answer to a request without a prompt, by which clients have a model loaded: it is."""
    return json_response({"model": model, "created_at": now(), **piece, "done": True, "done_reason": "load"})
