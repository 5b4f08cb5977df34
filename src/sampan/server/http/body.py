"""Reads a JSON body into a model of its fields: bounded in size and time, off the event loop where it is large.

The body goes from bytes to fields in one pass of pydantic's own JSON reader, which refuses deep nesting, lone
surrogates and numbers without end. Errors name the field and what was expected, and never repeat what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import anyio
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from sampan.config import ServerConfig
from sampan.errors import RequestError
from sampan.server.off_loop import off_loop_if

INLINE_BODY_BYTES = 64 * 1024  # parsing this much takes well under a millisecond

COMPONENT = "#/components/schemas/{model}"  # where OpenAPI keeps schemas

ModelT = TypeVar("ModelT", bound=BaseModel)


async def read_body(request: Request, config: ServerConfig) -> bytes:
    """The body, empty where there is none.

    Raises:
        HTTPException: 413 for more than `max_body_bytes`, declared or sent; 408 where it does not arrive in time; 415
            where it is compressed: what it would grow to could not be told.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HTTPException(415, "Send the body as it is, without Content-Encoding")
    limit = config.max_body_bytes
    declared = request.headers.get("content-length", "0")
    # The connection ends with these answers: the rest of the body is not worth reading.
    too_large = HTTPException(413, f"The body is larger than {limit} bytes", {"connection": "close"})
    if not declared.isdecimal() or int(declared[:20]) > limit:
        raise too_large
    body = bytearray()
    with anyio.move_on_after(config.body_timeout_seconds) as deadline:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_large
    if deadline.cancelled_caught:
        seconds = config.body_timeout_seconds
        raise HTTPException(408, f"The body did not arrive within {seconds:g} seconds", {"connection": "close"})
    return bytes(body)


async def read_json(request: Request, config: ServerConfig, model: type[ModelT]) -> ModelT:
    """The body as an instance of `model`.

    Raises:
        HTTPException: see `read_json_body`.
        RequestError: the body is not JSON or does not fit the model.
    """
    return await parse_json(await read_json_body(request, config), model)


async def read_json_body(request: Request, config: ServerConfig, *, required: bool = True) -> bytes:
    """The body of a request that says that it is JSON.

    Args:
        required: otherwise, it may be absent with its content type, and is then empty.

    Raises:
        HTTPException: 415 where the content type is not JSON (a web page of another site can send any other without
            asking), and see `read_body`.
    """
    not_json = HTTPException(415, "Send the body as JSON, with the header Content-Type: application/json")
    content_type = request.headers.get("content-type")
    if content_type is None and not required:
        if body := await read_body(request, config):
            raise not_json
        return body
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise not_json
    return await read_body(request, config)


async def read_json_from_curl(request: Request, config: ServerConfig, model: type[ModelT]) -> ModelT:
    """The same for APIs whose documentation sends JSON with plain `curl -d`, which calls it a form.

    Any content type will do, but not from a browser: that sends `Origin` with whatever a page has it post.

    Raises:
        HTTPException, RequestError: see `read_json`.
    """
    if "origin" in request.headers:
        return await read_json(request, config, model)
    return await parse_json(await read_body(request, config), model)


async def parse_json(body: bytes, model: type[ModelT]) -> ModelT:
    """A body as an instance of `model`.

    Raises:
        RequestError: it is not JSON or does not fit the model.
    """

    def parse() -> ModelT:
        try:
            return model.model_validate_json(body)
        except ValidationError as error:  # there may be many findings: even to list them can take a while
            raise validation_failure(error) from None  # the cause would carry what was sent into a log

    return await off_loop_if(len(body) > INLINE_BODY_BYTES, parse)


def validation_failure(error: ValidationError) -> RequestError:
    """What pydantic found wrong, as an error of ours."""
    return first_failure(error.errors(include_url=False, include_input=False, include_context=False))


def first_failure(details: Sequence[Mapping[str, Any]]) -> RequestError:
    """The first of pydantic's findings, as one line that shows nothing of what was sent."""
    location, message = details[0]["loc"], details[0]["msg"][:200]
    if len(location) > 1 and location[0] in ("body", "query", "path"):  # where FastAPI found it
        location = location[1:]
    if not location:
        return RequestError(message, remedy="send one JSON object")
    # Only the first step of a location is surely a name of ours; deeper ones can be keys that the client made up.
    param = str(location[0])
    index = next((step for step in location if isinstance(step, int)), None)
    place = param if index is None else f"{param}[{index}]"
    return RequestError(f"{place}: {message}", param=param)


@cache
def body_schema(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """What OpenAPI says of a route that reads its body with `read_json`. `sampan.server.openapi` moves what the schema
    has in `$defs` to where its references point."""
    schema = model.model_json_schema(ref_template=COMPONENT)
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}
