"""The route."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from sampan.errors import RequestError
from sampan.server.http.body import body_schema
from sampan.server.openai.responses.format import ResponsesFormat
from sampan.server.openai.responses.requests import ResponsesRequest
from sampan.server.openai.shapes import ResponseObject
from sampan.server.read_request import read_request
from sampan.server.respond import answered, respond
from sampan.server.service import Service
from sampan.text import ChatPrompt


def response_routes(service: Service) -> APIRouter:
    """Responses, streamed or not."""
    router = APIRouter(tags=["openai"])

    @router.post(
        "/v1/responses",
        summary="Answer a conversation, in items",
        responses={200: answered(ResponseObject)},
        openapi_extra=body_schema(ResponsesRequest),
    )
    async def responses(http: Request) -> Response:
        request = await read_request(http, service.config, ResponsesRequest)
        request.refuse_state()
        model = service.model_name(request.model)
        chat = request.for_chat()
        prompt = await _prompt(service, chat.messages, chat.template_options())
        answers = service.open(
            [prompt.token_ids],
            chat,
            starts_in_reasoning=prompt.starts_in_reasoning,
            cache_salt=request.cache_salt or "",
        )
        shape = ResponsesFormat(service, request, chat, model, service.defaults)
        ping = service.config.ping_interval_seconds
        return await respond(http, answers, shape, ping, stream=bool(request.stream), wire=shape.wire)

    return router


async def _prompt(service: Service, messages: list[dict[str, object]], options: dict[str, object]) -> ChatPrompt:
    """Names the client's own field where a message is malformed."""
    try:
        return await service.chat_prompt(messages, **options)
    except RequestError as error:
        if (error.param or "").startswith("messages"):
            raise RequestError(
                error.message.replace("messages", "input", 1), param="input", remedy=error.remedy
            ) from error
        raise
