"""Exact block ids, counts and order."""

from __future__ import annotations

import pytest

from sampan.engine.block_pool import BlockPool


def test_blocks_are_handed_out_in_order_and_counted() -> None:
    pool = BlockPool(4)
    assert pool.allocate(3) == [0, 1, 2]
    assert pool.num_free == 1
    assert [pool.ref_count(block) for block in range(4)] == [1, 1, 1, 0]


def test_the_longest_free_block_goes_first_and_tails_before_prefixes() -> None:
    pool = BlockPool(4)
    first, second = pool.allocate(2), pool.allocate(2)
    for block in (*first, *second):
        pool.register(block, bytes([block]))
    pool.release(second)
    pool.release(first)
    assert pool.allocate(4) == [3, 2, 1, 0]


def test_blocks_that_nobody_could_find_go_before_cached_ones() -> None:
    pool = BlockPool(3)
    cached, plain = pool.allocate(1), pool.allocate(1)
    pool.register(cached[0], b"a")
    pool.release(cached)
    pool.release(plain)
    assert pool.allocate(1) == plain


def test_a_freed_block_stays_findable_until_it_is_reused() -> None:
    pool = BlockPool(1)
    block = pool.allocate(1)
    pool.register(block[0], b"a")
    pool.release(block)
    assert pool.lookup([b"a", b"b"]) == [0]
    pool.allocate(1)
    assert pool.lookup([b"a"]) == []


def test_a_shared_block_is_free_when_its_last_holder_leaves() -> None:
    pool = BlockPool(2)
    block = pool.allocate(1)
    pool.register(block[0], b"a")
    pool.acquire(pool.lookup([b"a"]))
    assert pool.ref_count(0) == 2
    pool.release(block)
    assert pool.num_free == 1
    pool.release(block)
    assert pool.num_free == 2


def test_lookup_stops_at_the_first_gap() -> None:
    pool = BlockPool(3)
    for block, block_hash in zip(pool.allocate(3), (b"a", b"b", b"c"), strict=True):
        pool.register(block, block_hash)
    pool.forget([1])
    assert pool.lookup([b"a", b"b", b"c"]) == [0]


def test_equal_content_is_findable_once() -> None:
    pool = BlockPool(2)
    first, second = pool.allocate(2)
    assert pool.register(first, b"a") == first
    assert pool.register(first, b"a") == first
    assert pool.register(second, b"a") == first
    assert pool.lookup([b"a"]) == [first]
    pool.release([second])
    assert pool.lookup([b"a"]) == [first]


def test_misuse_is_our_own_bug_and_raises() -> None:
    pool = BlockPool(1)
    with pytest.raises(ValueError, match="2 blocks asked for, 1 free"):
        pool.allocate(2)
    block = pool.allocate(1)
    pool.release(block)
    with pytest.raises(ValueError, match="released twice"):
        pool.release(block)
