"""One way from opened answers to a response, streamed or whole, for every API."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec
from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from sampan.server.answer import Answers, Delta
from sampan.server.http.disconnect import unless_disconnected
from sampan.server.http.streaming import OPENAI_WIRE, EventStream, Wire

# Of each event, as OpenAPI sees it; JSON in a text, or the mark of the end.
EVENT_SCHEMA = {
    "type": "object",
    "required": ["data"],
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
}


class Format(Protocol):
    """How one API shapes answers. The three that make up a stream give finished events, as many as there are in one
    piece of bytes, none where there is nothing to show."""

    def completion(self, answers: Answers) -> Any:
        """The whole body."""

    def first_events(self) -> bytes:
        """What opens a stream, once the engine has accepted the request."""

    def events(self, delta: Delta) -> bytes:
        """A delta."""

    def last_events(self, answers: Answers) -> bytes:
        """What closes a stream, before the wire's own end."""


async def respond(
    http: Request,
    opened: AbstractAsyncContextManager[Answers],
    shape: Format,
    ping_interval: float,
    *,
    stream: bool,
    wire: Wire = OPENAI_WIRE,
) -> Response:
    """The response to a request. Either way, the answers are closed as soon as the client leaves.

    Args:
        opened: from `Service.open`; entered here or when the stream is sent.
        wire: how the stream's events are framed.

    Raises:
        ClientDisconnect: the client left before the whole answer was there.
        SampanError: see `Service.open`.
    """

    async def events() -> AsyncGenerator[bytes, None]:
        async with opened as answers:
            if first := shape.first_events():
                yield first
            async for delta in answers.deltas():
                if data := shape.events(delta):
                    yield data
            if last := shape.last_events(answers):
                yield last

    async def whole() -> Any:
        async with opened as answers:
            await answers.complete()
            return shape.completion(answers)

    if stream:
        return EventStream(events(), ping_interval, wire)
    return json_response(await unless_disconnected(http.receive, whole()))


def answered(model: type[BaseModel], wire: Wire | None = OPENAI_WIRE) -> dict[str, Any]:
    """What OpenAPI says of the answers of `respond`.

    Args:
        wire: how streams are framed; None where there are none.
    """
    return {"model": model, "content": {} if wire is None else {wire.media_type: {"schema": EVENT_SCHEMA}}}


def json_response(data: Any) -> Response:
    """A body in JSON."""
    return Response(msgspec.json.encode(data), media_type="application/json")
