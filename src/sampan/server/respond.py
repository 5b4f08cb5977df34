"""One way from opened answers to a response, streamed or whole, for every OpenAI route."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec
from fastapi import Request
from starlette.responses import Response

from sampan.server.answer import Answers, Delta
from sampan.server.disconnect import unless_disconnected
from sampan.server.protocol import OpenAIRequest
from sampan.server.streaming import EventStream


class Format(Protocol):
    """How one API shapes answers."""

    def completion(self, answers: Answers) -> dict[str, Any]:
        """The whole body."""

    def first_chunks(self) -> Iterator[dict[str, Any]]:
        """What opens a stream, once the engine has accepted the request."""

    def chunks(self, delta: Delta) -> Iterator[dict[str, Any]]:
        """A delta as chunks, none where it has nothing to show yet."""

    def usage_chunk(self, answers: Answers) -> dict[str, Any]:
        """What closes a stream whose request asked for usage."""


async def respond(
    http: Request,
    request: OpenAIRequest,
    opened: AbstractAsyncContextManager[Answers],
    shape: Format,
    ping_interval: float,
) -> Response:
    """The response to a request. Either way, the answers are closed as soon as the client leaves.

    Args:
        opened: from `Service.open`; entered here or when the stream is sent.

    Raises:
        ClientDisconnect: the client left before the whole answer was there.
        SampanError: see `Service.open`.
    """

    async def chunks() -> AsyncGenerator[dict[str, Any], None]:
        async with opened as answers:
            for chunk in shape.first_chunks():
                yield chunk
            async for delta in answers.deltas():
                for chunk in shape.chunks(delta):
                    yield chunk
            if request.include_usage:
                yield shape.usage_chunk(answers)

    async def whole() -> dict[str, Any]:
        async with opened as answers:
            await answers.complete()
            return shape.completion(answers)

    if request.stream:
        return EventStream(chunks(), ping_interval)
    return json_response(await unless_disconnected(http.receive, whole()))


def json_response(data: dict[str, Any]) -> Response:
    """A body in JSON."""
    return Response(msgspec.json.encode(data), media_type="application/json")
