"""`POST /generate`: a prompt in, `{"response": ...}` out."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from sampan.errors import RequestError
from sampan.server.answer import Answers
from sampan.server.fields import refuse_unsupported
from sampan.server.generate.requests import Generated, GenerateRequest
from sampan.server.http.body import body_schema, read_optional_json, validation_failure
from sampan.server.http.disconnect import unless_disconnected
from sampan.server.respond import answered, json_response
from sampan.server.service import Service
from sampan.text import THINK_START, ChatPrompt

DESCRIPTION = """Fields come as query parameters, as a JSON body, or some as either. The prompt is one user's message.
`max_length` is the most tokens to generate. The response is the answer without the thought before it; where generation
ended inside the thought, so that there is no answer, it is that thought, opened by `<think>`."""


def generate_routes(service: Service) -> APIRouter:
    """The simplest way to ask."""
    router = APIRouter(tags=["generate"])

    @router.post(
        "/generate",
        summary="Answer one prompt",
        responses={200: answered(Generated, wire=None)},
        description=DESCRIPTION,
        openapi_extra={**body_schema(GenerateRequest, required=False), "parameters": _QUERY_PARAMETERS},
    )
    async def generate(http: Request) -> Response:
        request = await _read(http, service)
        refuse_unsupported(request)
        prompt = await service.chat_prompt([{"role": "user", "content": request.prompt}])

        async def answer() -> dict[str, Any]:
            opened = service.open([prompt.token_ids], request, starts_in_reasoning=prompt.starts_in_reasoning)
            async with opened as answers:
                return {"response": await _response(answers, prompt)}

        return json_response(await unless_disconnected(http.receive, answer()))

    return router


async def _response(answers: Answers, prompt: ChatPrompt) -> str:
    (answer,) = await answers.complete()
    if answer.text.content is not None:
        return answer.text.content
    return (f"{THINK_START}\n" if prompt.starts_in_reasoning else "") + answer.text.text


async def _read(http: Request, service: Service) -> GenerateRequest:
    """Query and body as one request.

    Raises:
        RequestError: a field is malformed, missing or given twice.
        HTTPException: see `read_json`.
    """
    query = http.query_params.multi_items()
    names = [name for name, _ in query]
    body = await read_optional_json(http, service.config, GenerateRequest)
    twice = next((name for name in names if names.count(name) > 1 or (body and name in body.model_fields_set)), None)
    if twice is not None:
        raise RequestError(
            f"{twice[:40]} is given twice", param=twice[:40], remedy="give it once, in the query or in the body"
        )
    try:
        asked = GenerateRequest.model_validate_strings(dict(query))
    except ValidationError as error:
        raise validation_failure(error) from None
    if body is not None:
        asked = body.model_copy(update={name: getattr(asked, name) for name in names})
    if not asked.prompt:
        raise RequestError("prompt is missing or empty", param="prompt", remedy="send some text")
    return asked


_FIELDS = GenerateRequest.model_json_schema()["properties"]
_QUERY_PARAMETERS: list[dict[str, Any]] = [
    {"name": name, "in": "query", "required": False, "schema": next(iter(_FIELDS[name]["anyOf"]))}
    for name in ("prompt", "max_length", "temperature", "top_p", "top_k", "seed")
]
