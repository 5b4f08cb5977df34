"""The one way from a body to a request's fields."""

from __future__ import annotations

from typing import TypeVar

from fastapi import Request

from sampan.config import ServerConfig
from sampan.server.fields import RequestModel, refuse_unsupported
from sampan.server.http.body import read_json

RequestT = TypeVar("RequestT", bound=RequestModel)


async def read_request(http: Request, config: ServerConfig, model: type[RequestT]) -> RequestT:
    """The body as an instance of `model`, without fields that this version lacks.

    Raises:
        HTTPException, RequestError: see `read_json`.
        UnsupportedError: see `refuse_unsupported`.
    """
    request = await read_json(http, config, model)
    refuse_unsupported(request)
    return request
