"""Who computes how many tokens in the next step. Pure policy on plain data.

One rule: every running request's `num_computed_tokens` catches up with its `num_tokens` within one budget of tokens a
step. Requests that decode come first, so that a long prompt never stalls a stream; prompts take what is left, in
chunks; then waiting requests are admitted in the order of `waiting_queue`. Where blocks run out, the youngest running
request gives its own back and is computed anew later (preemption by recompute), so the oldest always makes progress
and every request ends.

Drafts (speculative.py) and the tokens that close a thought (reasoning_control.py) are further tokens of a row. They
get what is left of budget and blocks when everything else has its share, so they never make anybody wait.
"""

from __future__ import annotations

from dataclasses import dataclass

from sampan.engine.deadlines import Deadlines
from sampan.engine.drain_rate import DrainRate
from sampan.engine.kv_cache import KVCacheManager
from sampan.engine.outputs import FinishReason
from sampan.engine.prompt_reading import NO_ROWS, rows_to_read
from sampan.engine.request import Request, RequestStatus
from sampan.engine.speculative import Drafter
from sampan.engine.waiting_queue import WaitingQueue


@dataclass(slots=True)
class ScheduledRequest:
    """A request and the number of its tokens that this step computes. Not frozen: that costs half a microsecond.

    Args:
        samples: whether the step draws tokens for it, the next one and one behind each draft: only when nothing is
            pending behind these tokens, and there is to be an answer.
        draft_token_ids: computed behind them: what may come next.
        forced_token_ids: of the drawn tokens, the first ones must be these.
        reads: positions of the prompt of which the step tells more than keys and values.
    """

    request: Request
    num_new_tokens: int
    samples: bool
    draft_token_ids: tuple[int, ...] = ()
    forced_token_ids: tuple[int, ...] = ()
    reads: range = NO_ROWS

    @property
    def num_rows(self) -> int:
        """Tokens that the step computes for it."""
        return self.num_new_tokens + len(self.draft_token_ids)

    def forced_at(self, index: int) -> int:
        """What the drawn token `index` must be; -1 where it is free."""
        return self.forced_token_ids[index] if index < len(self.forced_token_ids) else -1


class Scheduler:
    """Waiting requests, running requests, and the choice between them. Times are in `time.monotonic` seconds.

    Args:
        drafter: None for no speculation.
    """

    def __init__(
        self,
        kv_cache: KVCacheManager,
        waiting: WaitingQueue,
        *,
        max_num_seqs: int,
        max_num_batched_tokens: int,
        drafter: Drafter | None = None,
    ) -> None:
        self._kv_cache = kv_cache
        self._drafter = drafter
        self._max_num_seqs = max_num_seqs
        self._max_num_batched_tokens = max_num_batched_tokens
        self._deadlines = Deadlines()
        self._drain_rate = DrainRate()
        self._queued_since: float | None = None  # the last step, if it left anyone waiting
        self.waiting = waiting
        self.running: list[Request] = []  # oldest admission first
        self.num_preemptions = 0

    def add(self, request: Request, now: float) -> None:
        """Puts a request into the queue; whether there is room is for the caller to ask."""
        request.arrival_time = now
        self.waiting.push(request)
        self._deadlines.add(request)

    def expired(self, now: float) -> list[Request]:
        """Open requests whose deadline has come; the caller finishes them before it schedules."""
        return self._deadlines.expired(now)

    def retry_after(self) -> float:
        """Seconds until those that wait now will have started, as far as the last half-minute tells."""
        return self._drain_rate.retry_after(self.waiting.num_tokens)

    def schedule(self, now: float) -> list[ScheduledRequest]:
        """Chooses the next step's work and reserves its blocks."""
        num_preemptions = self.num_preemptions
        scheduled = self._continue_running()
        for entry in scheduled:
            self.waiting.charge(entry.request, entry.num_new_tokens)
        num_waiting_tokens = self.waiting.num_tokens
        if self.num_preemptions == num_preemptions:
            scheduled += self._admit(self._max_num_batched_tokens - _num_tokens(scheduled), now)
            self._add_drafts(scheduled)
        if self._queued_since is not None:
            self._drain_rate.observe(num_waiting_tokens - self.waiting.num_tokens, now - self._queued_since)
        self._queued_since = now if self.waiting else None
        return scheduled

    def _continue_running(self) -> list[ScheduledRequest]:
        """Work for those that run already: decodes, then prompts, each oldest first."""
        budget = self._max_num_batched_tokens
        scheduled: list[ScheduledRequest] = []
        pending = [(len(request.token_ids) - request.num_computed_tokens, request) for request in self.running]
        decodes = [entry for entry in pending if entry[0] <= 1]
        prompts = [entry for entry in pending if entry[0] > 1]
        for num_pending, request in decodes + prompts:
            if request.status is not RequestStatus.RUNNING or budget == 0:
                continue
            num_new = min(num_pending, budget)
            while not self._kv_cache.allocate(request, num_new):
                victim = self.running[-1]
                scheduled, returned = _without(scheduled, victim)
                budget += returned
                self._preempt(victim)
                if victim is request:
                    break
            else:
                scheduled.append(_entry(request, num_new, num_new == num_pending))
                budget -= num_new
        return scheduled

    def _admit(self, budget: int, now: float) -> list[ScheduledRequest]:
        """Moves waiting requests to running, in order, while budget, places and blocks last."""
        admitted = []
        while self.waiting and budget > 0 and len(self.running) < self._max_num_seqs:
            request = self.waiting.peek()
            num_new = self._kv_cache.admit(request, budget)
            if num_new == 0:
                break
            self.waiting.pop()
            self.waiting.charge(request, num_new)  # at once: whose turn is next depends on it
            request.status = RequestStatus.RUNNING
            if request.began_at is None:
                request.began_at = now
            self.running.append(request)
            admitted.append(_entry(request, num_new, num_new == request.num_pending_tokens))
            budget -= num_new
        return admitted

    def _add_drafts(self, scheduled: list[ScheduledRequest]) -> None:
        """Gives requests as many drafts as budget and blocks allow."""
        num_rows = _num_tokens(scheduled)
        budget = self._max_num_batched_tokens - num_rows
        for entry in scheduled:
            may_have_any = entry.samples and (self._drafter is not None or entry.forced_token_ids)
            drafts = self._drafts(entry, budget, num_rows) if may_have_any else ()
            if drafts and self._kv_cache.allocate(entry.request, entry.num_new_tokens + len(drafts)):
                entry.draft_token_ids = drafts
                budget -= len(drafts)

    def _drafts(self, entry: ScheduledRequest, budget: int, num_rows: int) -> tuple[int, ...]:
        """What may come next for a request. What is forced is the surest guess."""
        request, forced = entry.request, entry.forced_token_ids
        # The token behind the last useful draft is the last one of the output.
        limit = min(budget, request.max_output_tokens - request.num_output_tokens - 1)
        if limit <= 0 or forced:
            return forced[: max(limit, 0)]
        return tuple(self._drafter.propose(request, limit, num_rows)) if self._drafter is not None else ()

    def _preempt(self, request: Request) -> None:
        """Takes a running request's blocks and sends it back to the queue."""
        self.running.remove(request)
        self._kv_cache.free(request)
        request.status = RequestStatus.WAITING
        request.num_preemptions += 1
        self.num_preemptions += 1
        self.waiting.push_back(request)

    def finish(self, request: Request, reason: FinishReason, stop_reason: int | str | None = None) -> None:
        """Ends a request wherever it is; its blocks are free at once."""
        if request.status is RequestStatus.RUNNING:
            self.running.remove(request)
        elif request.status is RequestStatus.WAITING:
            self.waiting.remove(request)
        self.waiting.close(request)
        self._deadlines.discard(request)
        self._kv_cache.free(request)
        request.finish(reason, stop_reason)


def _entry(request: Request, num_new_tokens: int, is_all: bool) -> ScheduledRequest:
    samples = is_all and request.max_output_tokens > 0
    entry = ScheduledRequest(request, num_new_tokens, samples, (), request.forced_token_ids if samples else ())
    if request.reading is not None:
        entry.reads = rows_to_read(request.reading, request.num_computed_tokens, num_new_tokens)
    return entry


def _num_tokens(scheduled: list[ScheduledRequest]) -> int:
    return sum([entry.num_new_tokens for entry in scheduled])


def _without(scheduled: list[ScheduledRequest], request: Request) -> tuple[list[ScheduledRequest], int]:
    """The list without a request, and the tokens that this gives back."""
    kept = [entry for entry in scheduled if entry.request is not request]
    return kept, _num_tokens(scheduled) - _num_tokens(kept)
