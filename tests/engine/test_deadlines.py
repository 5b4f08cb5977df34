"""Who is past its time, and when anybody is looked at."""

from __future__ import annotations

from sampan.engine.deadlines import Deadlines
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams


def request(name: str, deadline: float | None) -> Request:
    return Request(name, [1], SamplingParams(seed=0), deadline=deadline)


def test_deadlines_come_when_they_come() -> None:
    late, soon, never = request("late", 20.0), request("soon", 10.0), request("never", None)
    deadlines = Deadlines()
    for item in (late, soon, never):
        deadlines.add(item)
    assert deadlines.expired(9.9) == []
    assert deadlines.expired(10.0) == [soon]
    deadlines.discard(soon)
    assert deadlines.expired(19.9) == []
    assert deadlines.expired(1e9) == [late]


def test_all_that_are_past_come_together_in_order() -> None:
    deadlines = Deadlines()
    requests = [request(f"r{i}", 10.0 - i) for i in range(5)]
    for item in requests:
        deadlines.add(item)
    assert deadlines.expired(8.0) == requests[2:]


def test_the_ended_are_forgotten() -> None:
    deadlines = Deadlines()
    for i in range(100):
        item = request(f"r{i}", 1000.0)
        deadlines.add(item)
        deadlines.discard(item)
        deadlines.discard(item)
    assert deadlines._requests == {}
    assert deadlines.expired(2000.0) == []
