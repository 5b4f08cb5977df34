"""`POST /v1/completions`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from sampan.server.http.body import body_schema
from sampan.server.openai.completion_format import CompletionFormat
from sampan.server.openai.requests import CompletionRequest
from sampan.server.openai.shapes import Completion
from sampan.server.read_request import read_request
from sampan.server.respond import answered, respond
from sampan.server.service import Service


def completion_routes(service: Service) -> APIRouter:
    """Completions of plain text or token ids, streamed or not."""
    router = APIRouter(tags=["openai"])

    @router.post(
        "/v1/completions",
        summary="Go on from a text",
        responses={200: answered(Completion)},
        openapi_extra=body_schema(CompletionRequest),
    )
    async def completions(http: Request) -> Response:
        request = await read_request(http, service.config, CompletionRequest)
        model = service.model_name(request.model)
        prompts = request.prompts()
        token_ids = [await service.text_prompt(item) if isinstance(item, str) else item for item in prompts]
        token_ids = [request.truncated(ids, service.engine.max_model_len) for ids in token_ids]
        answers = service.open(token_ids, request, num_choices=request.num_choices, cache_salt=request.cache_salt or "")
        shape = CompletionFormat(service, request, model, prompts, token_ids)
        return await respond(http, answers, shape, service.config.ping_interval_seconds, stream=bool(request.stream))

    return router
