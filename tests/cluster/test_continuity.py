"""Engines die under open streams, and no client sees more of it than a pause: `sampan serve` as processes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

import faulty_engine
from cluster_process import Cluster, ask_all, ask_repeatedly, faulty_cluster, is_running, jobs, wait_until
from sampan.text import Tokenizer


def test_status(shared: Cluster) -> None:
    status = shared.status()
    assert set(status) == {"supervisor", "workers", "engines", "num_engine_restarts", "num_worker_restarts", "load"}
    assert status["supervisor"] == {"pid": shared.server.process.pid}
    assert len({worker["pid"] for worker in status["workers"]}) == 2
    (engine,) = status["engines"]
    assert set(engine) == {"pid", "model", "model_version", "state"}
    assert (engine["model"], engine["state"]) == ("sampan-tiny", "ready")
    assert engine["model_version"]


def test_workers_share_the_connections(shared: Cluster) -> None:
    before = [num_sockets(pid) for pid in shared.workers()]
    shares: list[int] = []

    def count(counts: list[int]) -> None:
        wait_until(lambda: min(counts) >= 2, pause=0.005)
        shares.extend(num_sockets(pid) - num for pid, num in zip(shared.workers(), before, strict=True))

    ask_all(shared.url, jobs(32, 200), count)
    assert min(shares) >= 8


def test_answer_now_works_on_every_worker(shared: Cluster) -> None:
    """Each connection is another worker's turn, and only one of them has the stream."""
    (folder,) = files("sampan").joinpath("assets").iterdir()
    end_id = Tokenizer.from_dir(Path(str(folder))).think_end_id
    body = {
        "messages": [{"role": "user", "content": "Sort a list."}],
        "stream": True,
        "max_tokens": 1900,
        "ignore_eos": True,
        "logit_bias": {str(end_id): -100},  # it would think for ever
    }
    for _ in range(4):  # a new connection mostly goes to the worker that is not streaming
        events: list[str] = []
        with httpx.stream("POST", f"{shared.url}/v1/chat/completions", json=body, timeout=60) as answer:
            for line in filter(None, answer.iter_lines()):
                events += [line]
                if len(events) == 9:
                    answer_id = json.loads(events[0].removeprefix("data: "))["id"]
                    assert answer_now(shared.url, answer_id) == 204
        assert events[-1] == "data: [DONE]"
        deltas = [json.loads(event.removeprefix("data: "))["choices"][0]["delta"] for event in events[:-1]]
        assert any(delta.get("content") for delta in deltas)
        assert answer_now(shared.url, answer_id) == 404


def answer_now(url: str, answer_id: str) -> int:
    """Over a connection of its own, and at once: httpx would take longer to start than the answer."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("POST", f"/v1/chat/completions/{answer_id}/answer_now")
    with connection.getresponse() as response:
        return response.status


def num_sockets(pid: int) -> int:
    count = 0
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            count += path.readlink().name.startswith("socket:")
    return count


def test_kill_under_32_streams(shared: Cluster) -> None:
    work = jobs(32, 300)
    undisturbed = ask_all(shared.url, work)
    assert all(answer.is_done and answer.error is None for answer in undisturbed)
    pauses = []

    def kill_twice(counts: list[int]) -> None:
        for progress in (30, 120):
            wait_until(lambda progress=progress: min(counts) >= progress, pause=0.005)
            old = shared.engine()
            os.kill(old, signal.SIGKILL)
            pauses.append(shared.wait_for_another_engine(old))

    assert ask_all(shared.url, work, kill_twice) == undisturbed
    print(f"\nrecovered in {', '.join(f'{pause:.2f}' for pause in pauses)} s")


def test_a_stopped_engine_is_replaced(shared: Cluster) -> None:
    work = jobs(4, 600)
    undisturbed = ask_all(shared.url, work)

    def stop(counts: list[int]) -> None:
        wait_until(lambda: min(counts) >= 20, pause=0.005)
        old = shared.engine()
        os.kill(old, signal.SIGSTOP)
        shared.wait_for_another_engine(old)
        assert not is_running(old)

    assert ask_all(shared.url, work, stop) == undisturbed


def test_a_dead_worker_is_replaced_and_the_other_s_streams_go_on(shared: Cluster) -> None:
    dead, alive = shared.workers()
    engine = shared.engine()
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: len(shared.workers()) == 2 and dead not in shared.workers())
    assert alive in shared.workers()
    assert shared.engine() == engine
    wait_until(lambda: shared.ready() == 200)


def test_requests_that_come_while_there_is_no_engine_wait(shared: Cluster) -> None:
    work = jobs(8, 20)
    undisturbed = ask_all(shared.url, work)
    os.kill(shared.engine(), signal.SIGKILL)
    assert ask_all(shared.url, work) == undisturbed


def test_an_engine_whose_step_hangs_is_replaced(tmp_path) -> None:
    with faulty_cluster(tmp_path) as cluster:
        job = jobs(1, 30)[0]
        hanging = type(job)([faulty_engine.HANG_ONCE, *job.prompt], job.seed, job.temperature, job.max_tokens)
        old = cluster.engine()
        first, other = ask_all(cluster.url, [hanging, job])
        assert cluster.engine() != old
        assert [first, other] == ask_all(cluster.url, [hanging, job])
        assert cluster.server.stop() == (0, "")


def test_a_request_that_every_engine_dies_of_is_given_up_and_others_are_served(tmp_path) -> None:
    with faulty_cluster(tmp_path) as cluster:
        job = jobs(1, 30)[0]
        poison = type(job)([faulty_engine.CRASH, *job.prompt], job.seed, job.temperature, job.max_tokens)
        bad, good = ask_all(cluster.url, [poison, job])
        assert (bad.error["code"], good.error, good.is_done) == (500, None, True)
        assert ask_all(cluster.url, [job]) == [good]
        assert cluster.ready() == 200
        assert cluster.server.stop() == (0, "")


@pytest.mark.slow
def test_a_minute_of_kills(shared: Cluster) -> None:
    """Every 3 seconds, under 32 clients that ask again and again."""
    work = jobs(32, 400)
    undisturbed = ask_all(shared.url, work)
    ends = time.monotonic() + 60
    pauses = []

    def kill_on(counts: list[int]) -> None:
        while time.monotonic() < ends:
            time.sleep(max(0.0, 3.0 - (pauses[-1] if pauses else 0.0)))
            old = shared.engine()
            os.kill(old, signal.SIGKILL)
            pauses.append(shared.wait_for_another_engine(old))

    rounds = ask_repeatedly(shared.url, work, kill_on, until=ends)
    for answers, expected in zip(rounds, undisturbed, strict=True):
        assert answers == [expected] * len(answers)
    print(
        f"\n{len(pauses)} kills under {sum(map(len, rounds))} streams, 32 at a time, all as undisturbed; "
        f"recovery {min(pauses):.2f} to {max(pauses):.2f} s"
    )
