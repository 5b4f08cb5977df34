"""Drafts get what is left, to exact numbers, and what a batch makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from sampan.config import EngineConfig
from sampan.engine.batch import build_batch
from sampan.engine.kv_cache import KVCacheManager
from sampan.engine.reasoning_control import ReasoningControl, ThoughtTokens
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.scheduler import ScheduledRequest, Scheduler
from sampan.engine.structured import MaskWriter
from sampan.engine.waiting_queue import WaitingQueue
from sampan.errors import ConfigError, RequestError

EOS = 2


class Counting:
    """Drafts 900, 901, ... as many as there may be, six at most; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []

    def propose(self, request: Request, limit: int, num_rows: int) -> list[int]:
        self.asked.append((request.request_id, limit, num_rows))
        return list(range(900, 900 + min(limit, 6)))

    def learn(self, request: Request, num_drafted: int, num_accepted: int) -> None: ...

    def observe_step(self, num_rows: int, seconds: float) -> None: ...


class Bench:
    """A scheduler whose steps reject all drafts."""

    def __init__(self, *, num_blocks: int = 64, budget: int = 16) -> None:
        self.kv_cache = KVCacheManager(num_blocks, 4)
        self.drafter = Counting()
        self.scheduler = Scheduler(
            self.kv_cache,
            WaitingQueue(max_requests=8, max_tokens=100, num_places=8),
            max_num_seqs=8,
            max_num_batched_tokens=budget,
            drafter=self.drafter,
        )

    def add(self, name: str, prompt_len: int, **params: object) -> Request:
        request = Request(name, range(100, 100 + prompt_len), SamplingParams(seed=0, **params))  # type: ignore[arg-type]
        self.scheduler.add(request, now=0.0)
        return request

    def step(self) -> dict[str, tuple[int, int]]:
        """Tokens and drafts of each request."""
        scheduled = self.scheduler.schedule(now=0.0)
        chosen = {entry.request.request_id: (entry.num_new_tokens, len(entry.draft_token_ids)) for entry in scheduled}
        for entry in scheduled:
            samples = entry.samples
            entry.request.num_computed_tokens += entry.num_new_tokens
            if samples:
                entry.request.token_ids.append(7)
                self.kv_cache.trim(entry.request)
        return chosen


def test_drafts_take_what_is_left_of_the_budget_in_order() -> None:
    bench = Bench(budget=16)
    bench.add("a", 3)
    assert bench.step() == {"a": (3, 6)}
    bench.add("b", 2)
    assert bench.step() == {"a": (1, 6), "b": (2, 6)}
    bench.add("c", 10)
    assert bench.step() == {"a": (1, 4), "b": (1, 0), "c": (10, 0)}
    assert bench.drafter.asked[-1] == ("a", 4, 12)


def test_a_chunk_that_is_not_the_last_has_none() -> None:
    bench = Bench(budget=16)
    bench.add("long", 20)
    assert bench.step() == {"long": (16, 0)}
    assert bench.step() == {"long": (4, 6)}


def test_there_are_never_more_than_the_answer_may_still_use() -> None:
    bench = Bench(budget=32)
    bench.add("a", 3, max_tokens=4)
    assert [bench.step()["a"] for _ in range(4)] == [(3, 3), (1, 2), (1, 1), (1, 0)]


def test_drafts_never_preempt_and_their_blocks_go_back() -> None:
    bench = Bench(num_blocks=4, budget=32)
    a, b = bench.add("a", 4), bench.add("b", 4)
    assert bench.step() == {"a": (4, 6), "b": (4, 0)}  # three blocks of four for a, one for b
    assert (len(a.block_ids), len(b.block_ids), bench.kv_cache.pool.num_free) == (1, 1, 2)
    assert bench.step() == {"a": (1, 0), "b": (1, 0)}  # a block each, and none is left
    assert bench.step() == {"a": (1, 0), "b": (1, 0)}
    assert bench.scheduler.num_preemptions == 0


def test_no_drafts_in_a_step_that_preempts() -> None:
    bench = Bench(num_blocks=4, budget=64)
    bench.add("a", 8)
    bench.add("b", 8)
    assert bench.step() == {"a": (8, 0), "b": (8, 0)}
    assert bench.step() == {"a": (1, 0)}
    assert bench.scheduler.num_preemptions == 1


def test_what_is_forced_comes_before_any_guess() -> None:
    bench = Bench()
    request = bench.add("a", 3)
    tags = ThoughtTokens(100, 50, (40, 41, 50))
    request.control = ReasoningControl(request.token_ids, 3, request.params, tags, 99, answer_now=True)
    [entry] = bench.scheduler.schedule(now=0.0)
    assert (entry.draft_token_ids, entry.forced_token_ids) == ((40, 41, 50), (40, 41, 50))
    assert bench.drafter.asked == []


def scheduled(request: Request, drafts: tuple[int, ...], forced: tuple[int, ...] = ()) -> ScheduledRequest:
    request.block_ids.extend([3, 5])
    request.num_computed_tokens = request.num_tokens - 1
    return ScheduledRequest(request, 1, True, drafts, forced)


def test_each_draft_is_a_row_and_each_position_a_sample() -> None:
    first = Request("a", [10, 11, 12], SamplingParams(seed=4, frequency_penalty=0.5, min_tokens=3))
    first.token_ids += [12]
    second = Request("b", [20, 21], SamplingParams(seed=5))
    batch = build_batch([scheduled(first, (12, 13)), scheduled(second, ())], (EOS,), MaskWriter(256))
    assert batch.token_ids.tolist() == [12, 12, 13, 21]
    assert batch.positions.tolist() == [3, 4, 5, 1]
    assert batch.query_starts.tolist() == [0, 3, 4]
    assert batch.context_lens.tolist() == [6, 2]
    assert batch.sample_rows.tolist() == [0, 1, 2, 3]
    sampling = batch.sampling
    assert sampling.positions.tolist() == [4, 5, 6, 2]
    assert sampling.seeds.tolist() == [4, 4, 4, 5]
    seen = [dict(zip(*map(np.ndarray.tolist, sampling.seen.row(i)), strict=True)) for i in range(4)]
    assert seen[:3] == [
        {10: 0, 11: 0, 12: 1},
        {10: 0, 11: 0, 12: 2},
        {10: 0, 11: 0, 12: 2, 13: 1},
    ]
    assert seen[3] == {}
    assert [sampling.bias.row(i)[0].tolist() for i in range(4)] == [[EOS], [EOS], [], []]  # tokens 2, 3, 4 of three


def test_a_forced_token_is_given_and_its_logits_are_left_as_they_are() -> None:
    request = Request("a", [10], SamplingParams(seed=4, temperature=0.7, logit_bias={40: -100.0}, logprobs=3))
    sampling = build_batch([scheduled(request, (40, 41), (40, 41))], (EOS,), MaskWriter(256)).sampling
    assert sampling.masks is None
    assert sampling.given.tolist() == [40, 41, -1]
    assert [sampling.bias.row(i)[0].tolist() for i in range(3)] == [[], [], [40]]
    assert sampling.num_logprobs.tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"thinking_token_budget": -1}, "thinking_token_budget"),
        ({"answer_reserve": -1}, "answer_reserve"),
        ({"answer_reserve": 9, "max_tokens": 9}, "answer_reserve"),
    ],
)
def test_values_out_of_range_are_named(params: dict[str, int], name: str) -> None:
    with pytest.raises(RequestError) as caught:
        SamplingParams(**params)  # type: ignore[arg-type]
    assert caught.value.param == name


def test_an_unknown_way_to_speculate_is_refused() -> None:
    with pytest.raises(ConfigError, match="speculation='draft' is out of range"):
        EngineConfig(speculation="draft")
