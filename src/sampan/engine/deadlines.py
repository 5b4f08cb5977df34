"""Which open requests are past their time."""

from __future__ import annotations

import math

from sampan.engine.request import Request


class Deadlines:
    """Open requests that have a deadline. Looks at them one by one only when the nearest one may have passed."""

    def __init__(self) -> None:
        self._requests: dict[str, Request] = {}
        self._next = math.inf  # no deadline of these requests is earlier

    def add(self, request: Request) -> None:
        """Watches a request, if it has a deadline."""
        if request.deadline is not None:
            self._requests[request.request_id] = request
            self._next = min(self._next, request.deadline)

    def discard(self, request: Request) -> None:
        """Forgets a request that has ended."""
        self._requests.pop(request.request_id, None)

    def expired(self, now: float) -> list[Request]:
        """Requests whose deadline has come, in the order in which they were added; they stay until discarded."""
        if now < self._next:
            return []
        deadlines = [(request, request.deadline) for request in self._requests.values() if request.deadline is not None]
        self._next = min((deadline for _, deadline in deadlines if deadline > now), default=math.inf)
        return [request for request, deadline in deadlines if deadline <= now]
