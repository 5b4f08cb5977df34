"""`POST /v1/messages` and `POST /v1/messages/count_tokens`."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Request
from starlette.responses import Response

from sampan.server.anthropic.message_format import MessageFormat, message_wire
from sampan.server.anthropic.requests import CountTokensRequest, MessagesRequest
from sampan.server.anthropic.shapes import MessageAnswer, TokenCount
from sampan.server.http.body import body_schema
from sampan.server.read_request import read_request
from sampan.server.respond import answered, json_response, respond
from sampan.server.service import Service

DESCRIPTION = """The thought is shown where `thinking` asks for it. Without it, the model thinks all the same and
only its answer is shown."""


def anthropic_routes(service: Service) -> APIRouter:
    """Anthropic's messages. The header `anthropic-version` may say any version: these paths have had one shape."""
    router = APIRouter(tags=["anthropic"])

    @router.post(
        "/v1/messages",
        summary="Answer a conversation",
        description=DESCRIPTION,
        responses={200: answered(MessageAnswer, message_wire(""))},
        openapi_extra=body_schema(MessagesRequest),
    )
    async def messages(http: Request) -> Response:
        request = await read_request(http, service.config, MessagesRequest)
        model, sampling = service.model_name(request.model), request.sampling()
        prompt = await service.chat_prompt(request.chat, **request.template_options())
        message_id = f"msg_{uuid.uuid4().hex}"
        answers = service.open(
            [prompt.token_ids], sampling, starts_in_reasoning=prompt.starts_in_reasoning, answer_id=message_id
        )
        shape = MessageFormat(request, message_id, model, len(prompt.token_ids))
        request_id: str = http.state.request_id
        ping_interval, wire = service.config.ping_interval_seconds, message_wire(request_id)
        response = await respond(http, answers, shape, ping_interval, stream=bool(request.stream), wire=wire)
        response.headers["request-id"] = request_id
        return response

    @router.post(
        "/v1/messages/count_tokens",
        summary="Count the tokens of a conversation",
        responses={200: {"model": TokenCount}},
        openapi_extra=body_schema(CountTokensRequest),
    )
    async def count_tokens(http: Request) -> Response:
        request = await read_request(http, service.config, CountTokensRequest)
        service.model_name(request.model)
        prompt = await service.chat_prompt(request.chat, **request.template_options())
        return json_response({"input_tokens": len(prompt.token_ids)})

    return router
