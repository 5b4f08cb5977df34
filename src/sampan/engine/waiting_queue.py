"""Which waiting request is next: equal shares between tenants, priority and age within one.

Between tenants, start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) over tokens that are charged as they are
computed (virtual token counter, arXiv:2401.00588): the tenant that was given least is next, and one that comes back to
the queue starts level with those who waited meanwhile, neither owed for its absence nor in debt. So a thousand requests
of one tenant delay another's single one by a place, not by a thousand.

Within a tenant, a level of priority is worth `SECONDS_PER_LEVEL` of waiting. All waiting requests age alike, so their
order never changes, and a request is overtaken only by those that arrive within that time after it: nobody starves.
A tenant's priorities are its own affair; they take nothing from others.

Requests that have begun (they ran and had to give way, or come from an engine that is gone) go before all others, in
the order in which they began: somebody reads their streams already, and as nobody new is admitted before them, they
cannot be driven out again and again.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterator

from sampan.engine.request import Request

SECONDS_PER_LEVEL = 10.0


class Tenant:
    """One fairness key, known while it has open requests."""

    __slots__ = ("num_open", "num_served_tokens", "waiting")

    def __init__(self) -> None:
        self.waiting: list[Request] = []  # the next one first
        self.num_open = 0  # waiting, running or preempted
        self.num_served_tokens = 0  # since others were there too; comparable between tenants, of no meaning alone


class WaitingQueue:
    """Open requests that do not run, within bounds.

    Args:
        max_requests: that may wait while all places are taken.
        max_tokens: that their prompts may have together.
        num_places: requests that may run at the same time.
    """

    def __init__(self, *, max_requests: int, max_tokens: int, num_places: int) -> None:
        self.num_tokens = 0  # of all that wait: prompts, and what has been drawn already
        self._max_requests, self._max_tokens, self._num_places = max_requests, max_tokens, num_places
        self._num_new = 0
        self._num_open = 0
        self._begun: deque[Request] = deque()
        self._tenants: dict[str, Tenant] = {}
        self._virtual_time = 0  # what the tenant chosen last had been given

    def __len__(self) -> int:
        return self._num_new + len(self._begun)

    def __iter__(self) -> Iterator[Request]:
        yield from self._begun
        for tenant in self._tenants.values():
            yield from tenant.waiting

    @property
    def room(self) -> int:
        """Requests that may join, if their prompts are short. Free places count: who joins may start at once."""
        room = self._max_requests + self._num_places - self._num_open
        return max(room, 0) if self.num_tokens < self._max_tokens else 0

    @property
    def share(self) -> int:
        """The places that each tenant would have if they were given out evenly; one that is alone needs none kept."""
        return max(self._num_places // len(self._tenants), 1) if len(self._tenants) > 1 else 1

    def has_room_for(self, request: Request) -> bool:
        """Whether a new request may join.

        A prompt longer than the bound may if nothing else waits. A queue that others have filled still has room for a
        tenant with less than its share of the places open, up to twice the bounds.
        """
        tenant = self._tenants.get(request.tenant)
        scale = 2 if tenant is None or tenant.num_open < self.share else 1
        fits = not self or self.num_tokens + request.num_tokens <= scale * self._max_tokens
        return fits and self._num_open < scale * self._max_requests + self._num_places

    def push(self, request: Request) -> None:
        """Takes in a request that the engine did not have before."""
        tenant = self._tenants.setdefault(request.tenant, Tenant())
        tenant.num_open += 1
        self._num_open += 1
        self.num_tokens += request.num_tokens
        if request.num_output_tokens:
            self._begun.append(request)
            return
        if not tenant.waiting:
            tenant.num_served_tokens = max(tenant.num_served_tokens, self._virtual_time)
        insort(tenant.waiting, request, key=_start_by)
        self._num_new += 1

    def push_back(self, request: Request) -> None:
        """Takes back a request that ran and gave way. They give way youngest first, and come out oldest first."""
        self._begun.appendleft(request)
        self.num_tokens += request.num_tokens

    def peek(self) -> Request:
        """The request whose turn it is. The queue must not be empty."""
        return self._begun[0] if self._begun else self._next_tenant().waiting[0]

    def pop(self) -> Request:
        """Takes that request out."""
        if self._begun:
            request = self._begun.popleft()
        else:
            tenant = self._next_tenant()
            self._virtual_time = tenant.num_served_tokens
            request = tenant.waiting.pop(0)
            self._num_new -= 1
        self.num_tokens -= request.num_tokens
        return request

    def remove(self, request: Request) -> None:
        """Takes out a waiting request that ends."""
        if request in self._begun:
            self._begun.remove(request)
        else:
            self._tenants[request.tenant].waiting.remove(request)
            self._num_new -= 1
        self.num_tokens -= request.num_tokens

    def charge(self, request: Request, num_new_tokens: int) -> None:
        """Notes that tokens are about to be computed for a request. What the cache had is free, and so is what is
        computed again after a preemption. A tenant that is alone takes nothing from anyone."""
        if len(self._tenants) == 1:
            return
        last = request.num_computed_tokens + num_new_tokens
        first = max(request.num_computed_tokens, request.num_charged_tokens)
        if last > first:
            request.num_charged_tokens = last
            self._tenants[request.tenant].num_served_tokens += last - first

    def close(self, request: Request) -> None:
        """Notes that a request, no longer in the queue, has ended."""
        tenant = self._tenants[request.tenant]
        tenant.num_open -= 1
        self._num_open -= 1
        if tenant.num_open == 0:
            del self._tenants[request.tenant]

    def _next_tenant(self) -> Tenant:
        """The one that was given least; of equals, whose next request came first."""
        if len(self._tenants) == 1:
            return next(iter(self._tenants.values()))
        backlogged = (tenant for tenant in self._tenants.values() if tenant.waiting)
        return min(backlogged, key=lambda tenant: (tenant.num_served_tokens, tenant.waiting[0].arrival_time))


def _start_by(request: Request) -> float:
    return request.arrival_time - SECONDS_PER_LEVEL * request.priority
