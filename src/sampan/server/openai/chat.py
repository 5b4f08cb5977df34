"""`POST /v1/chat/completions`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from sampan.server.http.body import body_schema
from sampan.server.openai.chat_format import ChatFormat
from sampan.server.openai.requests import ChatRequest
from sampan.server.openai.shapes import ChatCompletion
from sampan.server.read_request import read_request
from sampan.server.respond import answered, respond
from sampan.server.service import Service


def chat_routes(service: Service) -> APIRouter:
    """Chat, streamed or not."""
    router = APIRouter(tags=["openai"])

    @router.post(
        "/v1/chat/completions",
        summary="Answer a conversation",
        responses={200: answered(ChatCompletion)},
        openapi_extra=body_schema(ChatRequest),
    )
    async def chat(http: Request) -> Response:
        request = await read_request(http, service.config, ChatRequest)
        model = service.model_name(request.model)
        prompt = await service.chat_prompt(request.messages, **request.template_options())
        token_ids = request.truncated(prompt.token_ids, service.engine.max_model_len)
        answer_id = request.answer_id("chatcmpl")
        answers = service.open(
            [token_ids],
            request,
            num_choices=request.num_choices,
            starts_in_reasoning=prompt.starts_in_reasoning,
            cache_salt=request.cache_salt or "",
            answer_id=answer_id,
        )
        shape = ChatFormat(service, request, model, prompt.starts_in_reasoning, answer_id, token_ids)
        return await respond(http, answers, shape, service.config.ping_interval_seconds, stream=bool(request.stream))

    @router.post(
        "/v1/chat/completions/{answer_id}/answer_now",
        summary="End the thought of an answer that is being streamed",
        status_code=204,
        response_class=Response,
    )
    async def answer_now(answer_id: str) -> Response:
        await service.answer_now(answer_id)
        return Response(status_code=204)

    return router
