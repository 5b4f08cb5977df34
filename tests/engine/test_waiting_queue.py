"""Whose turn it is, to the exact order, and who is let in."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.waiting_queue import SECONDS_PER_LEVEL, WaitingQueue


def request(name: str, num_tokens: int = 10, *, at: float = 0.0, tenant: str = "", priority: int = 0) -> Request:
    made = Request(name, [1] * num_tokens, SamplingParams(seed=0), tenant=tenant, priority=priority)
    made.arrival_time = at
    return made


def queue(
    requests: Iterable[Request] = (), *, max_requests: int = 10_000, max_tokens: int = 10**6, num_places: int = 8
) -> WaitingQueue:
    made = WaitingQueue(max_requests=max_requests, max_tokens=max_tokens, num_places=num_places)
    for item in requests:
        made.push(item)
    return made


def drain(waiting: WaitingQueue, num: int = 10_000) -> list[str]:
    """Pops, charging each request its prompt as a scheduler would."""
    order = []
    while waiting and len(order) < num:
        assert waiting.peek() is waiting.peek()
        expected = waiting.peek()
        popped = waiting.pop()
        assert popped is expected
        waiting.charge(popped, popped.num_tokens)
        order.append(popped.request_id)
    return order


def test_one_tenants_requests_come_in_the_order_of_arrival() -> None:
    waiting = queue(request(f"r{i}", at=i) for i in range(5))
    assert drain(waiting) == ["r0", "r1", "r2", "r3", "r4"]
    assert (len(waiting), waiting.num_tokens) == (0, 0)


def test_a_thousand_requests_of_one_tenant_cost_another_one_place() -> None:
    waiting = queue(request(f"big{i}", at=i, tenant="big") for i in range(1000))
    assert drain(waiting, 3) == ["big0", "big1", "big2"]
    waiting.push(request("small", at=2000, tenant="small"))
    assert "small" in drain(waiting, 2)


def test_tenants_share_by_tokens_not_by_requests() -> None:
    """One sends prompts of 30 tokens, the other of 10: the other gets three for each of them."""
    long = [request(f"L{i}", 30, at=i, tenant="long") for i in range(10)]
    short = [request(f"s{i}", 10, at=i, tenant="short") for i in range(30)]
    order = drain(queue([*long, *short]), 20)
    assert sum(name.startswith("L") for name in order) == 5
    assert sum(name.startswith("s") for name in order) == 15


def test_what_is_computed_later_is_charged_too() -> None:
    waiting = queue(request(f"{tenant}{i}", tenant=tenant, at=i) for tenant in "ab" for i in range(4))
    first = waiting.pop()
    assert first.request_id == "a0"
    waiting.charge(first, 35)  # prompt and answer
    waiting.charge(first, 30)  # computed again: paid for already
    assert drain(waiting, 6) == ["b0", "b1", "b2", "b3", "a1", "a2"]


def test_absence_earns_nothing() -> None:
    """A tenant that comes late starts level: it gets its share from now on, not what it might have had."""
    waiting = queue(request(f"early{i}", at=i, tenant="early") for i in range(50))
    waiting.push(request("other", at=0, tenant="other"))
    drain(waiting, 40)
    for i in range(10):
        waiting.push(request(f"late{i}", at=100 + i, tenant="late"))
    order = drain(waiting, 10)
    assert sum(name.startswith("late") for name in order) == 5


def test_debt_lasts_while_a_tenant_has_anything_open() -> None:
    waiting = queue([request("a0", tenant="a"), request("b0", at=1, tenant="b"), request("b1", at=2, tenant="b")])
    greedy = waiting.pop()
    waiting.charge(greedy, 25)
    waiting.push(request("a1", at=3, tenant="a"))
    assert drain(waiting) == ["b0", "b1", "a1"]


def test_priority_goes_first_within_a_tenant_only() -> None:
    waiting = queue(
        [
            request("a-low", at=0, tenant="a", priority=-5),
            request("a-high", at=1, tenant="a", priority=100),
            request("a-mid", at=1, tenant="a"),
            request("b", at=2, tenant="b", priority=-100),
        ]
    )
    assert drain(waiting) == ["a-high", "b", "a-mid", "a-low"]


def test_a_level_of_priority_is_worth_a_time_so_that_nobody_starves() -> None:
    waiting = queue(
        [
            request("early", at=0.0),
            request("urgent", at=SECONDS_PER_LEVEL - 0.1, priority=1),
            request("too late", at=SECONDS_PER_LEVEL + 0.1, priority=1),
        ]
    )
    assert drain(waiting) == ["urgent", "early", "too late"]


def test_those_that_ran_come_back_before_all_others_oldest_first() -> None:
    old, young = request("old", tenant="a"), request("young", tenant="b")
    waiting = queue([old, young])
    assert (waiting.pop(), waiting.pop()) == (old, young)
    waiting.push(request("new", at=1, priority=100))
    waiting.push_back(young)
    waiting.push_back(old)
    assert [item.request_id for item in waiting] == ["old", "young", "new"]
    assert drain(waiting) == ["old", "young", "new"]


def test_those_that_began_in_another_engine_come_in_order_before_new_ones() -> None:
    begun = [request(f"begun{i}", 10) for i in range(2)]
    for item in begun:
        item.token_ids.append(1)
    waiting = queue([request("new"), *begun])
    assert waiting.num_tokens == 32
    assert drain(waiting) == ["begun0", "begun1", "new"]


def test_removal_wherever_a_request_waits() -> None:
    ran, first, second = request("ran"), request("first", at=1, tenant="a"), request("second", at=2, tenant="a")
    waiting = queue([ran, first, second])
    assert waiting.pop() is ran
    waiting.push_back(ran)
    for item in (second, ran):
        waiting.remove(item)
        waiting.close(item)
    assert (len(waiting), waiting.num_tokens) == (1, 10)
    assert drain(waiting) == ["first"]


def test_a_tenant_is_forgotten_with_its_last_open_request() -> None:
    waiting = queue(request(f"r{i}", tenant=f"t{i}") for i in range(100))
    for _ in range(100):
        waiting.close(waiting.pop())
    assert waiting._tenants == {}


@pytest.mark.parametrize(
    ("tenant", "num_tokens", "has_room"),
    [("a", 10, True), ("a", 11, False), ("b", 11, True), ("b", 110, True), ("b", 111, False)],
)
def test_the_bound_on_tokens(tenant: str, num_tokens: int, has_room: bool) -> None:
    waiting = queue([request("r", 90, tenant="a")], max_tokens=100)
    assert waiting.has_room_for(request("new", num_tokens, tenant=tenant)) is has_room


def test_a_prompt_longer_than_the_bound_is_taken_alone() -> None:
    assert queue(max_tokens=100).has_room_for(request("long", 500))
    assert not queue([request("r")], max_tokens=100).has_room_for(request("long", 500))


def test_a_queue_filled_by_one_tenant_has_room_for_others_up_to_their_share_and_twice_the_bound() -> None:
    waiting = queue((request(f"a{i}", tenant="a") for i in range(9)), max_requests=5, num_places=4)
    assert (waiting.room, waiting.share) == (0, 1)
    assert not waiting.has_room_for(request("a", tenant="a"))
    for name in ("b0", "b1"):  # four places, two tenants: two each
        newcomer = request(name, tenant="b")
        assert waiting.has_room_for(newcomer)
        waiting.push(newcomer)
        assert (waiting.room, waiting.share) == (0, 2)
    assert not waiting.has_room_for(request("b2", tenant="b"))
    for name in ("c", "d", "e"):
        waiting.push(request(name, tenant=name))
    assert not waiting.has_room_for(request("f", tenant="f"))


def test_a_tenant_alone_has_the_bound_and_the_places_and_no_more() -> None:
    waiting = queue((request(f"r{i}") for i in range(4)), max_requests=2, num_places=3)
    running = [waiting.pop() for _ in range(3)]
    assert (waiting.room, waiting.has_room_for(request("new"))) == (1, True)
    waiting.push(request("last"))
    assert (len(waiting), waiting.room, waiting.has_room_for(request("new"))) == (2, 0, False)
    waiting.close(running[0])
    assert (waiting.room, waiting.has_room_for(request("new"))) == (1, True)
