"""Random lives of many requests over scheduler, cache and pool. Whatever comes in whatever order, blocks are held by
those who list them, a block that is written to belongs to one request alone, and in the end all is finished and free.

The model is a function: the next token follows from the whole text before it. Some rules give it drafts, of which a
random number is right, so that several tokens come in a step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sampan.engine.kv_cache import KVCacheManager
from sampan.engine.outputs import FinishReason
from sampan.engine.request import Request, RequestStatus
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.scheduler import ScheduledRequest, Scheduler
from sampan.engine.waiting_queue import SECONDS_PER_LEVEL, WaitingQueue

BLOCK_SIZE = 4
MAX_WAITING = 12
MAX_WAITING_TOKENS = 200
TENANTS = ("", "a", "b", "c")


def next_token(token_ids: Sequence[int]) -> int:
    """What the model draws; equal texts go on equally."""
    return hash(tuple(token_ids)) % 7


class HalfRightDrafter:
    """Proposes what will come, up to a length that differs from request to request, and then nonsense."""

    def propose(self, request: Request, limit: int, num_rows: int) -> Sequence[int]:
        text, drafts = list(request.token_ids), []
        num_right, num_wrong = request.seed % 3, request.seed % 2
        for _ in range(num_right):
            drafts.append(next_token(text + drafts))
        return [*drafts, *[99] * num_wrong][:limit]

    def learn(self, request: Request, num_drafted: int, num_accepted: int) -> None: ...

    def observe_step(self, num_rows: int, seconds: float) -> None: ...


class WatchedQueue(WaitingQueue):
    """Sees that each request that is taken out is the right one."""

    def pop(self) -> Request:
        begun = list(self._begun)
        backlogged = {name: tenant for name, tenant in self._tenants.items() if tenant.waiting}
        others = {name: list(tenant.waiting) for name, tenant in backlogged.items()}
        least = min((tenant.num_served_tokens for tenant in backlogged.values()), default=0)
        request = super().pop()
        if begun:
            assert request is begun[0]
            return request
        assert backlogged[request.tenant].num_served_tokens == least
        start_by = request.arrival_time - SECONDS_PER_LEVEL * request.priority
        assert all(
            start_by <= other.arrival_time - SECONDS_PER_LEVEL * other.priority for other in others[request.tenant]
        )
        return request


class SchedulingMachine(RuleBasedStateMachine):
    """Adds, aborts and steps at random; a pool of a few blocks makes requests give way."""

    @initialize(
        num_blocks=st.integers(4, 24), max_num_seqs=st.integers(1, 6), budget=st.integers(1, 40), caching=st.booleans()
    )
    def start(self, num_blocks: int, max_num_seqs: int, budget: int, caching: bool) -> None:
        self.cache = KVCacheManager(num_blocks, BLOCK_SIZE, enable_prefix_caching=caching)
        self.waiting = WatchedQueue(max_requests=MAX_WAITING, max_tokens=MAX_WAITING_TOKENS, num_places=max_num_seqs)
        self.scheduler = Scheduler(
            self.cache,
            self.waiting,
            max_num_seqs=max_num_seqs,
            max_num_batched_tokens=budget,
            drafter=HalfRightDrafter(),
        )
        self.max_num_seqs, self.budget = max_num_seqs, budget
        self.num_resumed = 0
        self.max_len = num_blocks * BLOCK_SIZE
        self.open: dict[str, Request] = {}
        self.num_added = 0
        self.now = 0.0
        self.content: dict[int, list[tuple[int, ...]]] = {}  # of each block, what its slots hold: the text up to there

    # What happens

    @rule(
        prompt=st.lists(st.integers(0, 1), min_size=1, max_size=40),
        num_output=st.integers(0, 3),
        max_tokens=st.integers(1, 12),
        tenant=st.sampled_from(TENANTS),
        priority=st.integers(-2, 2),
        seconds=st.none() | st.floats(0.0, 60.0),
    )
    def add(
        self,
        prompt: list[int],
        num_output: int,
        max_tokens: int,
        tenant: str,
        priority: int,
        seconds: float | None,
    ) -> None:
        """A new request, or one with some output already, from an engine that is gone."""
        prompt = prompt[: self.max_len - max_tokens]
        output: list[int] = []
        for _ in range(min(num_output, max_tokens - 1)):
            output.append(next_token(prompt + output))
        self.num_added += 1
        request = Request(
            f"r{self.num_added}",
            prompt or [0],
            SamplingParams(seed=self.num_added, max_tokens=max_tokens),
            output_token_ids=output if prompt else (),
            cache_salt=tenant,
            tenant=tenant,
            priority=priority,
            deadline=None if seconds is None else self.now + seconds,
        )
        self.num_resumed += request.num_output_tokens > 0
        if request.num_output_tokens or self.waiting.has_room_for(request):
            self.scheduler.add(request, self.now)
            self.open[request.request_id] = request

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        self.finish(self.open[data.draw(st.sampled_from(sorted(self.open)))])

    @rule(seconds=st.floats(0.0, 20.0))
    def step(self, seconds: float) -> None:
        self.now += seconds
        for request in self.scheduler.expired(self.now):
            assert request.deadline is not None
            assert request.deadline <= self.now
            self.finish(request)
        scheduled = self.scheduler.schedule(self.now)
        self.check_choice(scheduled)
        for entry in scheduled:
            self.compute(entry)

    @precondition(lambda self: self.open)
    @rule(count=st.integers(1, 12))
    def steps(self, count: int) -> None:
        for _ in range(count):
            self.step(0.01)

    # The model

    def compute(self, entry: ScheduledRequest) -> None:
        """Writes keys and values, draws, and takes in what the drafts got right, as the engine does."""
        request, before = entry.request, entry.request.num_computed_tokens
        tokens = [*request.token_ids[: before + entry.num_new_tokens], *entry.draft_token_ids]
        self.check_reads(request, before)
        for position in range(before, len(tokens)):
            block_id = request.block_ids[position // BLOCK_SIZE]
            assert self.cache.pool.ref_count(block_id) == 1, "a shared block is written to"
            slots = self.content.setdefault(block_id, [()] * BLOCK_SIZE)
            slots[position % BLOCK_SIZE] = (hash(request.cache_salt), *tokens[: position + 1])
        request.num_computed_tokens += entry.num_new_tokens
        if entry.samples:
            for index in range(1 + len(entry.draft_token_ids)):
                if index:
                    if entry.draft_token_ids[index - 1] != request.token_ids[-1]:
                        break
                    request.num_computed_tokens += 1
                request.token_ids.append(next_token(request.token_ids))
                if request.num_output_tokens == request.max_output_tokens:
                    break
        self.cache.register_computed(request, before)
        if request.num_output_tokens == request.max_output_tokens:
            self.finish(request, FinishReason.LENGTH)
        elif entry.draft_token_ids:
            self.cache.trim(request)
            assert len(request.block_ids) == -(-request.num_computed_tokens // BLOCK_SIZE)

    def finish(self, request: Request, reason: FinishReason = FinishReason.ABORT) -> None:
        self.scheduler.finish(request, reason)
        del self.open[request.request_id]
        assert len(request.block_ids) == 0

    def check_reads(self, request: Request, num_tokens: int) -> None:
        """What attention reads is the request's own text, whoever wrote it, and its tenant's."""
        for position in range(num_tokens):
            slot = self.content[request.block_ids[position // BLOCK_SIZE]][position % BLOCK_SIZE]
            assert slot == (hash(request.cache_salt), *request.token_ids[: position + 1])

    # What must hold

    def check_choice(self, scheduled: list[ScheduledRequest]) -> None:
        assert scheduled or not self.open, "nothing moves"
        assert sum(entry.num_rows for entry in scheduled) <= self.budget
        assert len({entry.request.request_id for entry in scheduled}) == len(scheduled)
        assert len(self.scheduler.running) <= self.max_num_seqs
        for entry in scheduled:
            assert entry.request.status is RequestStatus.RUNNING
            assert entry.num_new_tokens >= 1
            room = len(entry.request.block_ids) * BLOCK_SIZE
            assert entry.request.num_computed_tokens + entry.num_rows <= room

    @invariant()
    def blocks_are_held_by_those_who_list_them(self) -> None:
        pool = self.cache.pool
        holders = Counter(block_id for request in self.open.values() for block_id in request.block_ids)
        assert [pool.ref_count(block_id) for block_id in range(pool.num_blocks)] == [
            holders[block_id] for block_id in range(pool.num_blocks)
        ]
        assert pool.num_free == pool.num_blocks - len(holders)

    @invariant()
    def each_request_is_in_one_place(self) -> None:
        waiting, running = list(self.waiting), self.scheduler.running
        assert sorted(r.request_id for r in [*waiting, *running]) == sorted(self.open)
        assert {r.status for r in waiting} <= {RequestStatus.WAITING}
        assert {r.status for r in running} <= {RequestStatus.RUNNING}
        assert all(len(r.block_ids) == 0 for r in waiting)
        assert (len(self.waiting), self.waiting.num_tokens) == (len(waiting), sum(r.num_tokens for r in waiting))

    @invariant()
    def tenants_that_wait_are_given_alike(self) -> None:
        """None lies further ahead than what its requests that have begun can take."""
        num_open = Counter(request.tenant for request in self.open.values())
        tenants = self.waiting._tenants
        assert {name: tenant.num_open for name, tenant in tenants.items()} == num_open
        if self.waiting.num_tokens < MAX_WAITING_TOKENS:
            assert self.waiting.room == max(MAX_WAITING + self.max_num_seqs - len(self.open), 0)
        bound = (self.max_num_seqs + self.num_resumed) * self.max_len
        for tenant in tenants.values():
            if tenant.waiting:
                assert 0 <= tenant.num_served_tokens - self.waiting._virtual_time <= bound

    def teardown(self) -> None:
        """All that is open comes to its end, and nothing is left behind."""
        if not hasattr(self, "cache"):
            return
        for _ in range(10_000):
            if not self.open:
                break
            self.step(0.0)
            self.blocks_are_held_by_those_who_list_them()
        assert not self.open
        assert self.cache.pool.num_free == self.cache.pool.num_blocks
        assert (len(self.waiting), self.waiting.num_tokens, self.waiting._tenants) == (0, 0, {})
        assert self.scheduler._deadlines._requests == {}


SchedulingMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestScheduling = SchedulingMachine.TestCase
