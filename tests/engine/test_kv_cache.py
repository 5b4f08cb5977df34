"""Block hashes, prefix hits and their limits."""

from __future__ import annotations

from sampan.engine.kv_cache import KVCacheManager, hash_block, hash_root
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams


def request(name: str, tokens: list[int], salt: str = "") -> Request:
    return Request(name, tokens, SamplingParams(seed=0), cache_salt=salt)


def compute(manager: KVCacheManager, req: Request) -> None:
    """As if a step had computed all its tokens."""
    before = req.num_computed_tokens
    assert manager.allocate(req, req.num_pending_tokens)
    req.num_computed_tokens = req.num_tokens
    manager.register_computed(req, before)


def test_only_the_blocks_that_are_needed() -> None:
    manager = KVCacheManager(4, 4)
    req = request("a", [1] * 5)
    assert manager.allocate(req, 4)
    assert req.block_ids.tolist() == [0]
    req.num_computed_tokens = 4
    assert manager.allocate(req, 1)
    assert req.block_ids.tolist() == [0, 1]
    assert manager.allocate(req, 1)
    assert req.block_ids.tolist() == [0, 1]


def test_a_refused_allocation_changes_nothing() -> None:
    manager = KVCacheManager(2, 4)
    req = request("a", [1] * 12)
    assert not manager.allocate(req, 12)
    assert req.block_ids.tolist() == []
    assert manager.pool.num_free == 2


def test_an_equal_beginning_is_found_in_whole_blocks() -> None:
    manager = KVCacheManager(8, 4)
    first = request("a", list(range(10)))
    compute(manager, first)
    second = request("b", [*range(9), 99])
    assert manager.admit(second, budget=100) == 2
    assert second.block_ids.tolist() == [0, 1, 3]
    assert first.block_ids.tolist() == [0, 1, 2]
    assert second.num_computed_tokens == 8


def test_requests_that_began_alike_at_the_same_time_end_up_with_one_copy() -> None:
    manager = KVCacheManager(8, 4)
    first, second = request("a", list(range(10))), request("b", [*range(9), 99])
    for req in (first, second):
        assert manager.admit(req, budget=100) == 10  # nothing is computed yet, so nothing is found
    assert (first.block_ids.tolist(), second.block_ids.tolist()) == ([0, 1, 2], [3, 4, 5])
    for req in (first, second):
        req.num_computed_tokens = 10
        manager.register_computed(req, 0)
    assert (first.block_ids.tolist(), second.block_ids.tolist()) == ([0, 1, 2], [0, 1, 5])
    assert [manager.pool.ref_count(block) for block in range(6)] == [2, 2, 1, 0, 0, 1]
    manager.free(first)
    manager.free(second)
    assert manager.pool.num_free == 8


def test_the_oldest_goes_first_and_continuations_before_what_they_continue() -> None:
    """Two turns behind one system prompt of two blocks; each has a third full block of its own, and a part of one."""
    manager = KVCacheManager(6, 4)
    system = list(range(100, 108))
    turns = [request("a", [*system, *range(5)]), request("b", [*system, *range(10, 15)])]
    for req in turns:
        manager.admit(req, budget=100)
        before, req.num_computed_tokens = req.num_computed_tokens, req.num_tokens
        manager.register_computed(req, before)
        manager.free(req)

    def still_cached() -> list[list[int]]:
        return [manager.pool.lookup(req.block_hashes) for req in turns]

    handed_out: list[list[list[int]]] = []
    assert still_cached() == [[0, 1, 2], [0, 1, 3]]
    for _ in range(6):
        manager.pool.allocate(1)
        handed_out.append(still_cached())
    assert handed_out == [
        [[0, 1, 2], [0, 1, 3]],  # the parts hold nothing that could be found
        [[0, 1, 2], [0, 1, 3]],
        [[0, 1], [0, 1, 3]],
        [[0, 1], [0, 1]],
        [[0], [0]],
        [[], []],
    ]


def test_the_last_token_is_always_computed() -> None:
    manager = KVCacheManager(8, 4)
    compute(manager, request("a", list(range(8))))
    same = request("b", list(range(8)))
    assert manager.admit(same, budget=100) == 4
    assert same.num_computed_tokens == 4


def test_salt_and_revision_keep_tenants_and_models_apart() -> None:
    assert hash_root("ab", "c") != hash_root("a", "bc")
    manager = KVCacheManager(8, 4)
    compute(manager, request("a", list(range(9)), salt="tenant-1"))
    for salt, found in (("tenant-1", 8), ("tenant-2", 0), ("", 0)):
        other = request("b", list(range(9)), salt=salt)
        assert manager.admit(other, budget=100) == 9 - found
        assert other.num_computed_tokens == found
        manager.free(other)


def test_hashes_chain_so_that_equal_blocks_at_other_places_differ() -> None:
    first = hash_block(hash_root("", ""), [1, 2, 3, 4])
    assert hash_block(first, [1, 2, 3, 4]) != first


def test_distrusted_blocks_are_never_found() -> None:
    manager = KVCacheManager(8, 4)
    bad = request("a", list(range(9)))
    compute(manager, bad)
    manager.distrust(bad)
    manager.free(bad)
    other = request("b", list(range(9)))
    assert manager.admit(other, budget=100) == 9


def test_hits_are_counted_once_per_request() -> None:
    manager = KVCacheManager(8, 4)
    compute(manager, request("a", list(range(9))))
    req = request("b", list(range(9)))
    for _ in range(2):  # a preempted request looks again
        manager.admit(req, budget=100)
        manager.free(req)
    assert (manager.num_queried_tokens, manager.num_hit_tokens) == (9, 8)
    assert req.num_cached_tokens == 8


def test_caching_can_be_off() -> None:
    manager = KVCacheManager(8, 4, enable_prefix_caching=False)
    compute(manager, request("a", list(range(9))))
    req = request("b", list(range(9)))
    assert manager.admit(req, budget=100) == 9
    assert req.num_cached_tokens == 0
