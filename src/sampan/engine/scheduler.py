"""Who computes how many tokens in the next step. Pure policy on plain data.

One rule: every running request's `num_computed_tokens` catches up with its `num_tokens` within one budget of tokens a
step. Requests that decode come first, so that a long prompt never stalls a stream; prompts take what is left, in
chunks. Where blocks run out, the youngest running request gives its own back and is computed anew later (preemption
by recompute), so the oldest always makes progress and every request ends.

Drafts (speculative.py) and the tokens that close a thought (reasoning_control.py) are further tokens of a row. They
get what is left of budget and blocks when everything else has its share, so they never make anybody wait.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from sampan.engine.kv_cache import KVCacheManager
from sampan.engine.outputs import FinishReason
from sampan.engine.request import Request, RequestStatus
from sampan.engine.speculative import Drafter


@dataclass(frozen=True, slots=True)
class ScheduledRequest:
    """A request and the number of its tokens that this step computes.

    Args:
        draft_token_ids: computed behind them: what may come next.
        forced_token_ids: of the drawn tokens, the first ones must be these.
    """

    request: Request
    num_new_tokens: int
    draft_token_ids: tuple[int, ...] = ()
    forced_token_ids: tuple[int, ...] = ()

    @property
    def num_rows(self) -> int:
        """Tokens that the step computes for it."""
        return self.num_new_tokens + len(self.draft_token_ids)

    @property
    def samples(self) -> bool:
        """Whether the step draws a token for it: only when nothing is pending behind these tokens."""
        return self.num_new_tokens == self.request.num_pending_tokens

    @property
    def num_samples(self) -> int:
        """Tokens that the step draws for it: the next one, and one behind each draft."""
        return 1 + len(self.draft_token_ids) if self.samples else 0

    def forced_at(self, index: int) -> int | None:
        """What the drawn token `index` must be."""
        return self.forced_token_ids[index] if index < len(self.forced_token_ids) else None


class Scheduler:
    """Waiting requests, running requests, and the choice between them.

    Args:
        drafter: None for no speculation.
    """

    def __init__(
        self,
        kv_cache: KVCacheManager,
        *,
        max_num_seqs: int,
        max_num_batched_tokens: int,
        drafter: Drafter | None = None,
    ) -> None:
        self._kv_cache = kv_cache
        self._drafter = drafter
        self._max_num_seqs = max_num_seqs
        self._max_num_batched_tokens = max_num_batched_tokens
        self.waiting: deque[Request] = deque()
        self.running: list[Request] = []  # oldest admission first
        self.num_preemptions = 0

    def add(self, request: Request) -> None:
        """Puts a request at the end of the queue."""
        self.waiting.append(request)

    def schedule(self) -> list[ScheduledRequest]:
        """Chooses the next step's work and reserves its blocks."""
        budget = self._max_num_batched_tokens
        scheduled: list[ScheduledRequest] = []
        preempted = False
        # The sort is stable: within decodes and within prompts, age decides.
        by_urgency = sorted(self.running, key=lambda request: request.num_pending_tokens > 1)
        for request in by_urgency:
            if request.status is not RequestStatus.RUNNING or budget == 0:
                continue
            num_new = min(request.num_pending_tokens, budget)
            while not self._kv_cache.allocate(request, num_new):
                preempted = True
                victim = self.running[-1]
                scheduled, returned = _without(scheduled, victim)
                budget += returned
                self._preempt(victim)
                if victim is request:
                    break
            else:
                scheduled.append(ScheduledRequest(request, num_new))
                budget -= num_new
        if not preempted:
            scheduled += self._admit(budget)
        return self._with_drafts(scheduled, 0 if preempted else self._max_num_batched_tokens)

    def _with_drafts(self, scheduled: list[ScheduledRequest], budget: int) -> list[ScheduledRequest]:
        """The same requests with as many drafts as the rest of the budget allows."""
        num_rows = sum(entry.num_new_tokens for entry in scheduled)
        budget -= num_rows
        entries = []
        for entry in scheduled:
            entries.append(self._with_own_drafts(entry, budget, num_rows) if entry.samples else entry)
            budget -= len(entries[-1].draft_token_ids)
        return entries

    def _with_own_drafts(self, entry: ScheduledRequest, budget: int, num_rows: int) -> ScheduledRequest:
        """A request with its drafts, where there are blocks for them. What is forced is the surest guess."""
        request = entry.request
        forced = request.forced_token_ids
        # The token behind the last useful draft is the last one of the output.
        limit = min(budget, request.max_output_tokens - request.num_output_tokens - 1)
        drafts = tuple(forced[: max(limit, 0)])
        if not forced and limit > 0 and self._drafter is not None:
            drafts = tuple(self._drafter.propose(request, limit, num_rows))
        if drafts and not self._kv_cache.allocate(request, entry.num_new_tokens + len(drafts)):
            drafts = ()
        return ScheduledRequest(request, entry.num_new_tokens, drafts, forced) if drafts or forced else entry

    def _admit(self, budget: int) -> list[ScheduledRequest]:
        """Moves waiting requests to running, in order, while budget, places and blocks last."""
        admitted = []
        while self.waiting and budget > 0 and len(self.running) < self._max_num_seqs:
            request = self.waiting[0]
            self._kv_cache.acquire_cached_prefix(request)
            num_new = min(request.num_pending_tokens, budget)
            if not self._kv_cache.allocate(request, num_new):
                self._kv_cache.free(request)
                break
            self._kv_cache.count_admission(request)
            self.waiting.popleft()
            request.status = RequestStatus.RUNNING
            self.running.append(request)
            admitted.append(ScheduledRequest(request, num_new))
            budget -= num_new
        return admitted

    def _preempt(self, request: Request) -> None:
        """Takes a running request's blocks and sends it back to the head of the queue."""
        self.running.remove(request)
        self._kv_cache.free(request)
        request.status = RequestStatus.WAITING
        request.num_preemptions += 1
        self.num_preemptions += 1
        self.waiting.appendleft(request)

    def finish(self, request: Request, reason: FinishReason, stop_reason: int | str | None = None) -> None:
        """Ends a request wherever it is; its blocks are free at once."""
        if request.status is RequestStatus.RUNNING:
            self.running.remove(request)
        elif request.status is RequestStatus.WAITING:
            self.waiting.remove(request)
        self._kv_cache.free(request)
        request.finish(reason, stop_reason)


def _without(scheduled: list[ScheduledRequest], request: Request) -> tuple[list[ScheduledRequest], int]:
    """The list without a request, and the tokens that this gives back."""
    kept = [entry for entry in scheduled if entry.request is not request]
    return kept, sum(entry.num_new_tokens for entry in scheduled) - sum(entry.num_new_tokens for entry in kept)
