"""The one table from error class to HTTP status and type, and the answer that comes of it.

An error body is `{"error": {"message", "type", "param", "code"}}` as in OpenAI's API, unless the route speaks another
dialect (see `dialects`); types are vLLM's, `code` repeats the status. What the client cannot mend (our own bugs, a
failed engine, a damaged model) is answered without detail, because messages of that kind name files and addresses; the
log has them under the request's id.
"""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sampan.errors import (
    DeadlineError,
    EngineError,
    OverloadedError,
    RequestError,
    SampanError,
    UnavailableError,
    UnknownAnswerError,
    UnknownModelError,
    UnsupportedError,
)
from sampan.server.http.dialects import OPENAI, ErrorFacts, dialect_of

logger = logging.getLogger("sampan.server")

RETRY_AFTER_SECONDS = "5"  # a model loads, or another server takes over


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """How one class of errors is answered. `hidden` replaces the message where it is not for the client's eyes."""

    status: int
    type: str
    hidden: str = ""


ERROR_TABLE: dict[type[Exception], ErrorKind] = {
    Exception: ErrorKind(
        500, "InternalServerError", hidden="Internal error. The server's log says more under this request's id"
    ),
    EngineError: ErrorKind(500, "InternalServerError", hidden="The engine failed while it worked on this request"),
    RequestError: ErrorKind(400, "BadRequestError"),
    UnknownModelError: ErrorKind(404, "NotFoundError"),
    UnknownAnswerError: ErrorKind(404, "NotFoundError"),
    UnsupportedError: ErrorKind(501, "NotImplementedError"),
    OverloadedError: ErrorKind(429, "rate_limit_error"),
    UnavailableError: ErrorKind(503, "unavailable_error"),
    DeadlineError: ErrorKind(408, "timeout_error"),
}
"""Looked up along the class's bases, so a new subclass is answered like its parent until it has a line of its own."""

HTTP_ERROR_TYPES = {
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    405: "MethodNotAllowedError",
}


def error_kind(error: Exception) -> ErrorKind:
    """The table's line for an error."""
    if isinstance(error, HTTPException):
        return ErrorKind(error.status_code, HTTP_ERROR_TYPES.get(error.status_code, "BadRequestError"))
    return next(ERROR_TABLE[base] for base in type(error).__mro__ if base in ERROR_TABLE)


def error_facts(error: Exception) -> ErrorFacts:
    """What there is to say about an error, in whatever dialect."""
    kind = error_kind(error)
    message = kind.hidden or (error.detail if isinstance(error, HTTPException) else str(error))
    param = "model" if isinstance(error, UnknownModelError) else getattr(error, "param", None)
    return ErrorFacts(kind.status, kind.type, message, param, isinstance(error, EngineError))


def error_body(error: Exception) -> dict[str, Any]:
    """The OpenAI error object, for a response body or an event of a stream."""
    return OPENAI.body(error_facts(error), "")


class ErrorResponse(Response):
    """The whole answer to a request that failed before anything was sent, in the dialect of its route.

    The dialect is chosen when the answer is sent, because not before then every layer knows whom it talks to.
    """

    def __init__(self, error: Exception) -> None:
        self.background = None
        self.status_code = error_kind(error).status
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        dialect, facts = dialect_of(scope), error_facts(self._error)
        request_id: str = scope.get("state", {}).get("request_id", "")
        headers = {**dialect.headers(request_id), **_headers(self._error)}
        body = msgspec.json.encode(dialect.body(facts, request_id))
        await Response(body, dialect.status(facts), headers, "application/json")(scope, receive, send)


def error_response(error: Exception) -> ErrorResponse:
    """The whole answer to a request that failed before anything was sent."""
    return ErrorResponse(error)


def _headers(error: Exception) -> Mapping[str, str]:
    if isinstance(error, HTTPException):
        return error.headers or {}
    if isinstance(error, OverloadedError):
        return {"retry-after": str(max(1, math.ceil(error.retry_after)))}
    return {"retry-after": RETRY_AFTER_SECONDS} if isinstance(error, UnavailableError) else {}


def log_failure(request_id: str, error: Exception) -> None:
    """Logs an error that is ours to mend. The message of one that is not our own may quote a prompt: of that, type and
    stack must do."""
    if isinstance(error, SampanError):
        logger.error("%s failed: %s", request_id, error)
    else:
        stack = "".join(traceback.format_tb(error.__traceback__))
        logger.error("%s failed: %s\n%s", request_id, type(error).__name__, stack)
