"""How many connections a worker holds, so that it never runs out of descriptors."""

from __future__ import annotations

import resource

from sampan.server.http.protocol import BoundedHttpProtocol

MAX_CONNECTIONS = 8192
RESERVED_DESCRIPTORS = 128  # for files, the engine and the supervisor


class Capacity:
    """Makes room for a new connection where there is none, by ending the one that has waited longest without asking for
    anything: an idle one, or one whose request is slow to come. Those that are being answered stay.

    Attributes:
        waiting: see `BoundedHttpProtocol`.
    """

    def __init__(self, max_connections: int) -> None:
        self.waiting: dict[BoundedHttpProtocol, None] = {}
        self._max = max_connections

    def has_room(self, num_open: int) -> bool:
        """Whether another connection may come beside those that are open."""
        if num_open < self._max:
            return True
        longest = next(iter(self.waiting), None)
        if longest is None:
            return False
        del self.waiting[longest]
        longest.transport.abort()
        return True


def raise_descriptor_limit() -> int:
    """Takes all descriptors that the system grants this process; returns how many connections they are enough for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + RESERVED_DESCRIPTORS
    soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(soft - RESERVED_DESCRIPTORS, 1)
