"""The one table from error class to HTTP status and OpenAI error body.

An error body is always `{"error": {"message", "type", "param", "code"}}`; types are vLLM's, `code` repeats the status.
What the client cannot mend (our own bugs, a failed engine, a damaged model) is answered without detail, because
messages of that kind name files and addresses; the log has them under the request's id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sampan.errors import (
    EngineError,
    OverloadedError,
    RequestError,
    UnavailableError,
    UnknownModelError,
    UnsupportedError,
)


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """How one class of errors is answered. `hidden` replaces the message where it is not for the client's eyes."""

    status: int
    type: str
    hidden: str = ""


ERROR_TABLE: dict[type[Exception], ErrorKind] = {
    Exception: ErrorKind(
        500, "InternalServerError", hidden="Internal error. The server's log has more under this request's id"
    ),
    EngineError: ErrorKind(500, "InternalServerError", hidden="The engine failed while it worked on this request"),
    RequestError: ErrorKind(400, "BadRequestError"),
    UnknownModelError: ErrorKind(404, "NotFoundError"),
    UnsupportedError: ErrorKind(501, "NotImplementedError"),
    OverloadedError: ErrorKind(429, "rate_limit_error"),
    UnavailableError: ErrorKind(503, "unavailable_error"),
}
"""Looked up along the class's bases, so a new subclass is answered like its parent until it has a line of its own."""

HTTP_ERROR_TYPES = {403: "PermissionDeniedError", 404: "NotFoundError", 405: "MethodNotAllowedError"}
HTTP_ERROR_MESSAGES = {
    404: "There is no such path. GET /openapi.json lists them",
    405: "This path does not take this method",
}


def error_kind(error: Exception) -> ErrorKind:
    """The table's line for an error."""
    return next(ERROR_TABLE[base] for base in type(error).__mro__ if base in ERROR_TABLE)


def error_body(error: Exception) -> dict[str, Any]:
    """The OpenAI error object, for a response body or an event of a stream."""
    if isinstance(error, HTTPException):
        message = (
            HTTP_ERROR_MESSAGES.get(error.status_code) if error.detail == _phrase(error.status_code) else error.detail
        )
        return _body(
            message or error.detail, HTTP_ERROR_TYPES.get(error.status_code, "BadRequestError"), error.status_code
        )
    kind = error_kind(error)
    message = kind.hidden or str(error)
    param = "model" if isinstance(error, UnknownModelError) else getattr(error, "param", None)
    return _body(message, kind.type, kind.status, param)


def error_response(error: Exception) -> Response:
    """The whole answer to a request that failed before anything was sent."""
    headers: Mapping[str, str] = {}
    if isinstance(error, HTTPException):
        status, headers = error.status_code, error.headers or {}
    else:
        status = error_kind(error).status
    if isinstance(error, OverloadedError):
        headers = {"retry-after": str(max(1, math.ceil(error.retry_after)))}
    elif isinstance(error, UnavailableError):
        headers = {"retry-after": "5"}
    return Response(msgspec.json.encode(error_body(error)), status, headers, media_type="application/json")


def _body(message: str, type_: str, code: int, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase
