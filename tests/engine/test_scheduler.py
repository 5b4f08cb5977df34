"""The scheduler's choices, to exact ids, counts and order."""

from __future__ import annotations

import pytest

from sampan.engine.kv_cache import KVCacheManager
from sampan.engine.outputs import FinishReason
from sampan.engine.request import Request, RequestStatus
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.scheduler import ScheduledRequest, Scheduler
from sampan.engine.waiting_queue import WaitingQueue


class Bench:
    """A scheduler whose steps are computed by adding a token to whoever samples."""

    def __init__(self, *, num_blocks: int = 64, max_num_seqs: int = 8, budget: int = 16, block_size: int = 4) -> None:
        self.kv_cache = KVCacheManager(num_blocks, block_size)
        self.scheduler = Scheduler(
            self.kv_cache,
            WaitingQueue(max_requests=100, max_tokens=1000, num_places=max_num_seqs),
            max_num_seqs=max_num_seqs,
            max_num_batched_tokens=budget,
        )
        self.token = 1000

    def add(self, name: str, prompt_len: int) -> Request:
        self.token += 1000
        request = Request(name, range(self.token, self.token + prompt_len), SamplingParams(seed=0))
        self.scheduler.add(request, now=0.0)
        return request

    def step(self) -> dict[str, int]:
        """Computes one step; returns what it gave each request, in order."""
        scheduled = self.scheduler.schedule(now=0.0)
        chosen = {entry.request.request_id: entry.num_new_tokens for entry in scheduled}
        for entry in scheduled:
            self._compute(entry)
        return chosen

    def _compute(self, entry: ScheduledRequest) -> None:
        request, samples, before = entry.request, entry.samples, entry.request.num_computed_tokens
        request.num_computed_tokens += entry.num_new_tokens
        self.kv_cache.register_computed(request, before)
        if samples:
            self.token += 1
            request.token_ids.append(self.token)


def test_a_prompt_then_one_token_a_step() -> None:
    bench = Bench()
    bench.add("a", 5)
    assert [bench.step() for _ in range(3)] == [{"a": 5}, {"a": 1}, {"a": 1}]


def test_long_prompts_come_in_chunks_of_the_budget() -> None:
    bench = Bench(budget=16)
    request = bench.add("a", 40)
    assert [bench.step() for _ in range(4)] == [{"a": 16}, {"a": 16}, {"a": 8}, {"a": 1}]
    assert request.num_output_tokens == 2


def test_decodes_come_first_and_prompts_share_the_rest_in_order() -> None:
    bench = Bench(budget=16)
    bench.add("a", 3)
    bench.step()
    bench.add("b", 20)
    bench.add("c", 20)
    assert bench.step() == {"a": 1, "b": 15}
    assert bench.step() == {"a": 1, "b": 5, "c": 10}
    assert bench.step() == {"a": 1, "b": 1, "c": 10}


def test_a_decode_goes_before_an_older_prompt() -> None:
    bench = Bench(budget=8)
    bench.add("long", 30)
    bench.step()
    short = bench.add("short", 2)
    assert bench.step() == {"long": 8}
    assert bench.step() == {"long": 8}
    assert bench.step() == {"long": 6, "short": 2}
    long_again = bench.add("later", 30)
    assert bench.step() == {"long": 1, "short": 1, "later": 6}
    assert list(bench.step()) == ["long", "short", "later"]
    assert long_again.num_computed_tokens == 12
    assert short.num_output_tokens == 3


def test_no_more_requests_run_than_allowed() -> None:
    bench = Bench(max_num_seqs=2)
    for name in "abc":
        bench.add(name, 2)
    assert bench.step() == {"a": 2, "b": 2}
    assert [request.request_id for request in bench.scheduler.waiting] == ["c"]


def test_the_youngest_gives_way_and_returns_to_the_head_of_the_queue() -> None:
    bench = Bench(num_blocks=4, block_size=4)
    old = bench.add("old", 7)
    young = bench.add("young", 7)
    third = bench.add("third", 1)
    assert bench.step() == {"old": 7, "young": 7}  # all four blocks are held
    assert bench.step() == {"old": 1, "young": 1}
    assert bench.step() == {"old": 1}  # needs a third block: young gives back its own
    assert (young.status, young.num_preemptions, len(young.block_ids)) == (RequestStatus.WAITING, 1, 0)
    assert list(bench.scheduler.waiting) == [young, third]
    assert old.block_ids.tolist() == [0, 1, 3]


def test_the_preempted_catches_up_from_what_is_still_cached() -> None:
    bench = Bench(num_blocks=4, block_size=4)
    old, young = bench.add("old", 7), bench.add("young", 7)
    for _ in range(3):
        bench.step()
    assert young.num_output_tokens == 2
    bench.scheduler.finish(old, FinishReason.STOP)
    assert bench.step() == {"young": 5}  # nine tokens, of which the first block is still there
    assert young.num_output_tokens == 3


def test_a_request_that_gave_way_to_itself_waits() -> None:
    bench = Bench(num_blocks=3, block_size=4)
    bench.add("old", 4)
    young = bench.add("young", 8)
    assert bench.step() == {"old": 4, "young": 8}
    assert bench.step() == {"old": 1}
    assert young.status is RequestStatus.WAITING


def test_a_waiting_request_that_does_not_fit_holds_nothing() -> None:
    bench = Bench(num_blocks=3, block_size=4)
    bench.add("a", 8)
    big = bench.add("big", 8)
    assert bench.step() == {"a": 8}
    assert len(big.block_ids) == 0
    assert bench.kv_cache.pool.num_free == 1


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_finishing_frees_everything_wherever_the_request_is(steps: int) -> None:
    bench = Bench()
    request = bench.add("a", 20)
    for _ in range(steps):
        bench.step()
    bench.scheduler.finish(request, FinishReason.ABORT)
    assert bench.kv_cache.pool.num_free == 64
    assert bench.step() == {}
    assert (request.status, request.finish_reason) == (RequestStatus.FINISHED, FinishReason.ABORT)
