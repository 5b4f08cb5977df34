"""How each API words an error: the shape of its body and its name for each status.

Which dialect a request is answered in follows from its path alone, so that whatever refuses it (a route, a guard, the
HTTP parser) says it in the client's language. Only `/generate` speaks several: its route says which, see `speak`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

ROUTE_DIALECT = "error_dialect"  # key of a request's state


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """An error as the table of `errors` has it.

    Args:
        type: vLLM's.
        param: the field at fault.
        is_generation: the engine failed at this request.
    """

    status: int
    type: str
    message: str
    param: str | None
    is_generation: bool


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words of one API.

    Args:
        name: of its errors, in OpenAPI.
        body: of a response or, framed by the API's wire, an event; also takes the request's id.
        schema: of that body.
        status: of a response.
        headers: besides the common ones, from the request's id.
    """

    name: str
    body: Callable[[ErrorFacts, str], dict[str, Any]]
    schema: dict[str, Any]
    status: Callable[[ErrorFacts], int] = lambda facts: facts.status
    headers: Callable[[str], Mapping[str, str]] = lambda _: {}


def _object(**properties: Any) -> dict[str, Any]:
    """A schema in which all properties are required and there are no others."""
    shape = {"type": "object", "required": list(properties), "properties": properties}
    return {**shape, "additionalProperties": False}


_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}


def _openai_body(facts: ErrorFacts, _: str) -> dict[str, Any]:
    error = {"message": facts.message, "type": facts.type, "param": facts.param, "code": facts.status}
    return {"error": error}


ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    501: "invalid_request_error",
    503: "overloaded_error",
}
"""Other statuses below 500 are an `invalid_request_error`, others from there on an `api_error`."""


def _anthropic_body(facts: ErrorFacts, request_id: str) -> dict[str, Any]:
    other = "invalid_request_error" if facts.status < 500 else "api_error"
    error = {"type": ANTHROPIC_TYPES.get(facts.status, other), "message": facts.message}
    return {"type": "error", "error": error, "request_id": request_id or None}


def _ollama_body(facts: ErrorFacts, _: str) -> dict[str, Any]:
    return {"error": facts.message}


TGI_TYPES = {422: "validation", 424: "generation", 429: "overloaded", 500: "incomplete_generation", 503: "unhealthy"}
"""The types that text-generation-inference's clients know. Other statuses are its `validation` as well."""


def _tgi_status(facts: ErrorFacts) -> int:
    if facts.is_generation:
        return 424
    return 422 if facts.status in (400, 501) else facts.status


def _tgi_body(facts: ErrorFacts, _: str) -> dict[str, Any]:
    return {"error": facts.message, "error_type": TGI_TYPES.get(_tgi_status(facts), "validation")}


OPENAI = Dialect(
    "Error",
    _openai_body,
    _object(error=_object(message=_TEXT, type=_TEXT, param=_TEXT_OR_NULL, code={"type": "integer"})),
)
ANTHROPIC = Dialect(
    "AnthropicError",
    _anthropic_body,
    _object(type={"const": "error"}, error=_object(type=_TEXT, message=_TEXT), request_id=_TEXT_OR_NULL),
    headers=lambda request_id: {"request-id": request_id} if request_id else {},
)
OLLAMA = Dialect("OllamaError", _ollama_body, _object(error=_TEXT))
TGI = Dialect("TgiError", _tgi_body, _object(error=_TEXT, error_type=_TEXT), _tgi_status)
DIALECTS = (OPENAI, ANTHROPIC, OLLAMA, TGI)

PREFIXES = {
    "/v1/messages": ANTHROPIC,
    "/api": OLLAMA,
    "/generate_stream": TGI,
    "/info": TGI,
}
"""A path and all below it. Everything else speaks OpenAI's dialect."""


def dialect_of_path(path: str) -> Dialect:
    """The dialect of a path."""
    found = (dialect for prefix, dialect in PREFIXES.items() if path == prefix or path.startswith(f"{prefix}/"))
    return next(found, OPENAI)


def dialect_of(scope: MutableMapping[str, Any]) -> Dialect:
    """The dialect of a request: what its route has said, or else that of its path."""
    spoken: Dialect | None = scope.get("state", {}).get(ROUTE_DIALECT)
    return spoken or dialect_of_path(scope["path"])


def speak(scope: MutableMapping[str, Any], dialect: Dialect) -> None:
    """From now on, errors of this request are worded in `dialect`."""
    scope.setdefault("state", {})[ROUTE_DIALECT] = dialect
