"""`POST /generate` in all its shapes, and the paths that belong to one of them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from sampan import __version__
from sampan.engine.sampling_params import MAX_STOP_STRINGS
from sampan.errors import RequestError
from sampan.server.fields import refuse_unsupported
from sampan.server.generate.lmdeploy import LmdeployFormat, LmdeployRequest
from sampan.server.generate.sglang import SglangFormat, SglangRequest
from sampan.server.generate.shapes import Shape, field_names, shape_of
from sampan.server.generate.simple import SimpleAnswer, SimpleFormat, SimpleRequest
from sampan.server.generate.tgi import WIRE as TGI_WIRE
from sampan.server.generate.tgi import TgiFormat, TgiRequest
from sampan.server.http.body import (
    INLINE_BODY_BYTES,
    body_schema,
    parse_json,
    read_json_body,
    validation_failure,
)
from sampan.server.http.dialects import TGI, speak
from sampan.server.off_loop import off_loop_if
from sampan.server.read_request import read_request
from sampan.server.respond import EVENT_SCHEMA, answered, respond
from sampan.server.service import Service

DESCRIPTION = """A request has one of these shapes, which its fields tell apart:

- `prompt` with `max_length`, or as query parameters: the answer is `response`. With `max_tokens` or `stream`, it is
  `text`. The prompt is one user's message; the thought is left out, unless generation ended inside it.
- `inputs` and `parameters`, as text-generation-inference has them.
- `text` or `input_ids`, and `sampling_params`, as SGLang has them.
- `prompt` or `input_ids` with fields that only LMDeploy has, such as `session_id`.

The last three go on from a text, as `/v1/completions` does. The schema below is that of the first."""


def generate_routes(service: Service) -> APIRouter:
    """The simplest way to ask, and other servers' own ways."""
    router = APIRouter(tags=["generate"])

    @router.post(
        "/generate",
        summary="Answer one prompt",
        responses={200: answered(SimpleAnswer)},
        description=DESCRIPTION,
        openapi_extra={**body_schema(SimpleRequest, required=False), "parameters": _QUERY_PARAMETERS},
    )
    async def generate(http: Request) -> Response:
        body = await read_json_body(http, service.config, required=False)
        names = await off_loop_if(len(body) > INLINE_BODY_BYTES, lambda: field_names(body))
        shape = shape_of(names)
        if shape is Shape.TGI:
            speak(http.scope, TGI)
        if shape is not Shape.SIMPLE and http.query_params:
            raise RequestError("only a prompt has query parameters", remedy="send all fields in the body")
        if shape is Shape.SIMPLE:
            return await _simple(http, await _with_query(http, body))
        request = await parse_json(body, shape.value)
        refuse_unsupported(request)
        if isinstance(request, TgiRequest):
            return await _tgi(http, request, stream=bool(request.stream))
        if isinstance(request, SglangRequest):
            return await _sglang(http, request)
        assert isinstance(request, LmdeployRequest)
        return await _lmdeploy(http, request)

    @router.post(
        "/generate_stream",
        summary="text-generation-inference's stream",
        responses={200: {"content": {TGI_WIRE.media_type: {"schema": EVENT_SCHEMA}}}},
        response_class=Response,
        openapi_extra=body_schema(TgiRequest),
    )
    async def generate_stream(http: Request) -> Response:
        request = await read_request(http, service.config, TgiRequest)
        return await _tgi(http, request.model_copy(update={"stream": True}), stream=True)

    @router.get("/info", summary="What text-generation-inference tells of itself")
    async def info() -> dict[str, Any]:
        return {
            "model_id": service.config.served_model_name,
            "model_pipeline_tag": "text-generation",
            "max_best_of": 1,
            "max_stop_sequences": MAX_STOP_STRINGS,
            "max_input_tokens": service.engine.max_model_len - 1,
            "max_total_tokens": service.engine.max_model_len,
            "router": "sampan",
            "version": __version__,
        }

    @router.get("/get_model_info", summary="What SGLang tells of its model")
    async def model_info() -> dict[str, Any]:
        name = service.config.served_model_name
        return {"model_path": name, "tokenizer_path": name, "is_generation": True}

    ping_interval = service.config.ping_interval_seconds

    async def _simple(http: Request, request: SimpleRequest) -> Response:
        refuse_unsupported(request)
        prompt = await service.chat_prompt([{"role": "user", "content": request.prompt}])
        opened = service.open([prompt.token_ids], request, starts_in_reasoning=prompt.starts_in_reasoning)
        is_ours = request.max_length is not None or bool(http.query_params)
        is_text = not is_ours and (request.max_tokens is not None or request.stream is not None)
        shape = SimpleFormat("text" if is_text else "response", prompt.starts_in_reasoning)
        return await respond(http, opened, shape, ping_interval, stream=bool(request.stream))

    async def _tgi(http: Request, request: TgiRequest, *, stream: bool) -> Response:
        refuse_unsupported(request.own)
        prompt = request.cut(await service.text_prompt(request.inputs))
        opened = service.open([prompt], request.sampling())
        shape = TgiFormat(service.tokenizer, request)
        return await respond(http, opened, shape, ping_interval, stream=stream, wire=TGI_WIRE)

    async def _sglang(http: Request, request: SglangRequest) -> Response:
        if request.sampling_params is not None:
            refuse_unsupported(request.sampling_params)
        prompts = [await service.text_prompt(item) if isinstance(item, str) else item for item in request.prompts()]
        opened = service.open(prompts, request.sampling(), num_choices=request.num_choices)
        shape = SglangFormat(request, [len(prompt) for prompt in prompts], service.system_fingerprint)
        return await respond(http, shape.watch(opened), shape, ping_interval, stream=bool(request.stream))

    async def _lmdeploy(http: Request, request: LmdeployRequest) -> Response:
        prompt = request.one_prompt()
        token_ids = await service.text_prompt(prompt) if isinstance(prompt, str) else prompt
        opened = service.open([token_ids], request.sampling())
        shape = LmdeployFormat(request, len(token_ids))
        return await respond(http, opened, shape, ping_interval, stream=bool(request.stream))

    return router


async def _with_query(http: Request, body: bytes) -> SimpleRequest:
    """Query and body as one request.

    Raises:
        RequestError: a field is malformed, missing or given twice.
    """
    query = http.query_params.multi_items()
    names = [name for name, _ in query]
    sent = await parse_json(body, SimpleRequest) if body or "content-type" in http.headers else None
    twice = next((name for name in names if names.count(name) > 1 or (sent and name in sent.model_fields_set)), None)
    if twice is not None:
        raise RequestError(
            f"{twice[:40]} is given twice", param=twice[:40], remedy="give it once, in the query or in the body"
        )
    try:
        asked = SimpleRequest.model_validate_strings(dict(query))
    except ValidationError as error:
        raise validation_failure(error) from None
    if sent is not None:
        asked = sent.model_copy(update={name: getattr(asked, name) for name in names})
    if not asked.prompt:
        raise RequestError("prompt is missing or empty", param="prompt", remedy="send some text")
    return asked


_FIELDS = SimpleRequest.model_json_schema()["properties"]
_QUERY_PARAMETERS: list[dict[str, Any]] = [
    {"name": name, "in": "query", "required": False, "schema": next(iter(_FIELDS[name]["anyOf"]))}
    for name in ("prompt", "max_length", "temperature", "top_p", "top_k", "seed")
]
