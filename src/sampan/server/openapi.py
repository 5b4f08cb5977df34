"""What `/openapi.json` says beyond what FastAPI knows: request bodies, errors, and the bounds that the model sets.

It is a contract, held against the running server by tests/contract: what it calls valid is answered, what it calls
invalid is refused, and every answer has a status and a shape that stand in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from sampan.server.fields import MODEL_NAME, TOKEN_ID, TOKEN_LIMIT
from sampan.server.http.body import COMPONENT
from sampan.server.http.dialects import DIALECTS, TGI, Dialect, dialect_of_path
from sampan.server.security.guard import PUBLIC_PATHS
from sampan.server.service import Service

EVERYWHERE = (400, 403, 408, 431, 500)  # from the head of a request on
OF_A_NAME = (404,)  # of a model or an answer
OF_A_BODY = (413, 415)
OF_WORK = (404, 429, 501, 503)
OF_STATE = (503,)
OF_A_KEY = (401, 429)
KEY_HEADERS = ("x-api-key", "api-key")  # besides Authorization
OF_TGI = (422, 424)  # its words for 400 and 500
DESCRIPTIONS = {
    400: "The request is malformed, or asks for what the model cannot do",
    401: "There is no API key, or one that this server does not know",
    403: "The Host or Origin header does not name this server, or the API key does not permit this",
    404: "There is no model or answer of that name",
    408: "The request did not arrive in time, or its answer was not complete within its timeout",
    413: "The body is too large",
    415: "The body is not declared as JSON",
    422: "The request is malformed, or asks for what the model cannot do",
    424: "The engine failed while it worked on the request",
    429: "The queue is full, or the API key has reached a limit; Retry-After says when to try again",
    431: "The request line and headers are too large",
    500: "The server failed; its log says more",
    501: "This version lacks what the request asks for",
    503: "Loading or shutting down; Retry-After says when to try again",
}
HEADERS: dict[str, Any] = {
    "x-request-id": {"description": "Names the request in the server's log", "schema": {"type": "string"}},
    "retry-after": {"description": "Seconds", "schema": {"type": "integer", "minimum": 1}},
}


def describe(app: FastAPI, service: Service) -> None:
    """Has the application serve a complete document, which is put together when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, service)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _document(app: FastAPI, service: Service) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document["components"]
    components["schemas"] |= {dialect.name: dialect.schema for dialect in DIALECTS}
    components["headers"] = HEADERS
    components["responses"] = {
        f"{dialect.name}{status}": _error_response(dialect, status) for dialect in DIALECTS for status in DESCRIPTIONS
    }
    for path, method, operation in _operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content["schema"] = _moved(content["schema"], components["schemas"])
        for response in operation["responses"].values():
            response["headers"] = _headers("x-request-id")
        name = dialect_of_path(path).name
        needs_key = service.config.has_keys and path not in PUBLIC_PATHS
        for status in _errors(path, method, operation) | (set(OF_A_KEY) if needs_key else set()):
            operation["responses"][str(status)] = {"$ref": f"#/components/responses/{name}{status}"}
    if service.config.has_keys:
        _ask_for_keys(document)
    _bound(document, _bounds(service))
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _moved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """A reference to `schema`, which moves to the components with all that it has in its `$defs`."""
    own = {name: value for name, value in schema.items() if name != "$defs"}
    for name, component in {**schema.get("$defs", {}), own["title"]: own}.items():
        assert components.setdefault(name, component) == component, name  # two models of one name
    return {"$ref": COMPONENT.format(model=own["title"])}


def _errors(path: str, method: str, operation: dict[str, Any]) -> set[int]:
    statuses = {*EVERYWHERE}
    if "requestBody" in operation:
        statuses.update(OF_A_BODY)
    if method == "post":
        statuses.update(OF_WORK)
    if "{" in path:
        statuses.update(OF_A_NAME)
    if path in ("/readyz", "/health"):
        statuses.update(OF_STATE)
    if dialect_of_path(path) is TGI:
        statuses.update(OF_TGI)
    return statuses


def _ask_for_keys(document: dict[str, Any]) -> None:
    """Every operation but the public ones needs a key, in one of three headers."""
    schemes = {name: {"type": "apiKey", "in": "header", "name": name} for name in KEY_HEADERS}
    document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}, **schemes}
    document["security"] = [{"bearer": []}, *({name: []} for name in KEY_HEADERS)]
    for path, _, operation in _operations(document):
        if path in PUBLIC_PATHS:
            operation["security"] = []


def _error_response(dialect: Dialect, status: int) -> dict[str, Any]:
    schema = {"$ref": COMPONENT.format(model=dialect.name)}
    return {
        "description": DESCRIPTIONS[status],
        "headers": _headers(*HEADERS) if status in (429, 503) else _headers("x-request-id"),
        "content": {"application/json": {"schema": schema}},
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _bounds(service: Service) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    """For each format of `sampan.server.fields`, what this server's model makes of it."""
    last_id, max_tokens = service.engine.config.vocab_size - 1, service.engine.max_model_len - 1
    names = [service.config.served_model_name, *service.config.aliases]
    return {
        TOKEN_ID: lambda schema: {**schema, "maximum": last_id},
        TOKEN_LIMIT: lambda schema: {**schema, "maximum": max_tokens},
        MODEL_NAME: lambda schema: {"type": "string", "enum": names},
    }


def _bound(node: Any, bounds: dict[str, Callable[[dict[str, Any]], dict[str, Any]]]) -> None:
    """Rewrites in place."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        name = value.get("format") if isinstance(value, dict) else None
        if isinstance(name, str) and name in bounds:  # else it may be a property of that name
            node[key] = bounds[name]({k: v for k, v in value.items() if k != "format"})
        else:
            _bound(value, bounds)
