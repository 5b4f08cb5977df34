"""How a server of several processes ends: in peace, by force, and when it has to give up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from cluster_process import TIMEOUT, abandoned_directories, ask_all, cluster, is_running, jobs, wait_until


def test_a_drained_server_ends_its_streams_and_leaves_nothing() -> None:
    work = jobs(8, 400)
    with cluster("--workers", "2", "--log-level", "warning") as server:
        undisturbed = ask_all(server.url, work)
        pids = server.processes()

        def drain(counts: list[int]) -> None:
            wait_until(lambda: min(counts) >= 10, pause=0.005)
            server.server.process.terminate()
            wait_until(lambda: server.ready() in (503, 0))
            assert min(counts) < 400  # it was not ready before the streams had ended

        assert ask_all(server.url, work, drain) == undisturbed
        assert server.server.process.wait(TIMEOUT) == 0
        assert not any(map(is_running, pids))


def test_an_engine_that_dies_while_draining_is_replaced() -> None:
    work = jobs(4, 400)
    with cluster("--log-level", "warning") as server:
        undisturbed = ask_all(server.url, work)
        engine = server.engine()

        def drain(counts: list[int]) -> None:
            wait_until(lambda: min(counts) >= 10, pause=0.005)
            server.server.process.terminate()
            wait_until(lambda: server.ready() in (503, 0))
            os.kill(engine, signal.SIGKILL)

        assert ask_all(server.url, work, drain) == undisturbed
        assert server.server.process.wait(TIMEOUT) == 0


def test_a_second_signal_cuts_streams_with_an_error_event() -> None:
    work = jobs(32, 900)
    with cluster("--workers", "2", "--log-level", "warning") as server:

        def cut(counts: list[int]) -> None:
            wait_until(lambda: min(counts) >= 10, pause=0.005)
            server.server.process.terminate()
            wait_until(lambda: server.ready() in (503, 0))
            server.server.process.send_signal(signal.SIGINT)

        answers = ask_all(server.url, work, cut)
        assert [(answer.error["code"], answer.is_done) for answer in answers] == [(503, True)] * 32
        assert server.server.process.wait(TIMEOUT) == 0


def test_the_drain_time_cuts_streams_too() -> None:
    work = jobs(32, 900)
    with cluster("--drain-timeout", "0.5", "--log-level", "warning") as server:

        def drain(counts: list[int]) -> None:
            wait_until(lambda: min(counts) >= 10, pause=0.005)
            server.server.process.terminate()

        answers = ask_all(server.url, work, drain)
        assert [(answer.error["code"], answer.is_done) for answer in answers] == [(503, True)] * 32
        assert server.server.process.wait(TIMEOUT) == 0


def test_nothing_survives_a_supervisor_that_is_killed() -> None:
    with cluster("--workers", "2", "--log-level", "warning") as server:
        pids = server.processes()
        url = f"{server.url}/v1/completions"
        body = {"prompt": [20], "max_tokens": 900, "ignore_eos": True}
        with ThreadPoolExecutor() as threads:
            threads.submit(httpx.post, url, json=body, timeout=TIMEOUT)
            time.sleep(0.2)
            server.server.process.kill()
        wait_until(lambda: not any(map(is_running, pids)))
        for path in abandoned_directories():  # the next supervisor would remove it, after a minute
            shutil.rmtree(path)


def test_engines_that_die_too_often_end_the_server_and_open_streams_hear_of_it() -> None:
    with cluster("--log-level", "warning") as server:
        pids = server.processes()

        def kill_all(counts: list[int]) -> None:
            wait_until(lambda: min(counts) >= 10, pause=0.005)
            supervisor = server.server.process
            while supervisor.poll() is None:
                for pid in children(supervisor.pid):
                    if b"engine_process" in command_line(pid):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(0.01)

        answers = ask_all(server.url, jobs(32, 900), kill_all)
        assert [(answer.error["code"], answer.is_done) for answer in answers] == [(500, True)] * 32
        assert server.server.process.wait(TIMEOUT) == 1
        assert not any(map(is_running, pids))


def children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except FileNotFoundError:
        return []


def command_line(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def engine_of(pid: int) -> int:
    """The engine process below a supervisor."""
    engines: list[int] = []

    def look() -> bool:
        engines[:] = [child for child in children(pid) if b"engine_process" in command_line(child)]
        return bool(engines)

    wait_until(look, pause=0.001)
    return engines[0]


def test_an_engine_that_is_killed_while_it_loads_is_replaced() -> None:
    with starting() as process:
        os.kill(engine_of(process.pid), signal.SIGKILL)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Sampan listening on ")
        process.terminate()
        process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0


def test_a_model_that_kills_each_engine_is_given_up_soon() -> None:
    with starting() as process:
        killed = set()
        while process.poll() is None:
            for child in children(process.pid):
                if b"engine_process" in command_line(child):
                    os.kill(child, signal.SIGKILL)
                    killed.add(child)
            time.sleep(0.001)
        out, error = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out, len(killed)) == (1, "", 3)
    assert "the engine was ended by SIGKILL at its start" in error


def starting() -> subprocess.Popen[str]:
    """`sampan serve`, with its engine still to come."""
    command = [sys.executable, "-m", "sampan", "serve", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)


def test_sigterm_while_the_model_loads_ends_at_once() -> None:
    with starting() as process:
        wait_until(lambda: children(process.pid), pause=0.001)
        pids = children(process.pid)
        process.terminate()
        out, _ = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out) == (0, "")
    assert not any(map(is_running, pids))
