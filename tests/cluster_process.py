"""Servers of several processes, and many streams from them at a time."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from server_process import ServerProcess, sampan_serve, started

TIMEOUT = 60.0

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request


@dataclass
class Cluster:
    """A server and its processes."""

    server: ServerProcess

    @property
    def url(self) -> str:
        return self.server.url

    def status(self) -> dict[str, Any]:
        return httpx.get(f"{self.url}/admin/status", timeout=TIMEOUT).json()

    def engine(self) -> int:
        """The engine's process id, once one is there."""
        wait_until(lambda: self.status()["engines"])
        return self.status()["engines"][0]["pid"]

    def workers(self) -> list[int]:
        return [worker["pid"] for worker in self.status()["workers"]]

    def processes(self) -> list[int]:
        status = self.status()
        return [status["supervisor"]["pid"], self.engine(), *self.workers()]

    def ready(self) -> int:
        """What `/readyz` says; 0 where nobody answers."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=TIMEOUT).status_code
        except httpx.TransportError:
            return 0

    def wait_for_another_engine(self, old: int) -> float:
        """Waits until one other than `old` is ready; returns how many seconds that took."""
        began = time.monotonic()
        wait_until(lambda: [e["state"] for e in self.status()["engines"] if e["pid"] != old] == ["ready"], pause=0.005)
        return time.monotonic() - began


def wait_until(condition: Callable[[], Any], pause: float = 0.02) -> None:
    ends = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < ends
        time.sleep(pause)


def is_running(pid: int) -> bool:
    """Whether a process is there and not just waiting for its parent to ask what became of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def abandoned_directories() -> set[Path]:
    """Directories with sockets that no supervisor holds; others on this machine may run one."""
    from sampan.cluster.socket_directory import PREFIX, _base

    found = set()
    for path in {socket.parent for socket in _base().glob(f"{PREFIX}*/engine-*.sock")}:
        with suppress(OSError):  # it is gone by now, or held
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.add(path)
            finally:
                os.close(handle)
    return found


@contextmanager
def cluster(*arguments: str) -> Iterator[Cluster]:
    """`sampan serve`; once it has ended, no process and no socket of it may be left."""
    before = abandoned_directories()
    with sampan_serve(*arguments) as server:
        pids = (own := Cluster(server)).processes()
        yield own
        pids += [pid for pid in (own.processes() if own.ready() else [])]
        server.stop()
    wait_until(lambda: not any(map(is_running, pids)))
    wait_until(lambda: abandoned_directories() <= before)


@contextmanager
def faulty_cluster(tmp_path: Path, *arguments: str) -> Iterator[Cluster]:
    """The same with `faulty_engine`."""
    os.environ["FAULTS"] = str(tmp_path / "faults")
    try:
        with started([str(Path(__file__).parent / "faulty_serve.py"), *arguments, "--port", "0"]) as server:
            yield Cluster(server)
    finally:
        del os.environ["FAULTS"]


@dataclass(frozen=True)
class Job:
    """A completion to ask for, streamed."""

    prompt: list[int]
    seed: int
    temperature: float
    max_tokens: int

    def body(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt,
            "seed": self.seed,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "ignore_eos": True,
            "logprobs": 1 if self.seed % 4 == 0 else None,
            "stream": True,
            "stream_options": {"include_usage": True},
        }


def jobs(count: int, max_tokens: int) -> list[Job]:
    """Half of them greedy, half seeded, a quarter with log-probabilities; all different."""
    return [
        Job(list(range(20 + i, 50 + 2 * i)), i, 0.0 if i % 2 else 0.9, max_tokens - 3 * (i % 7)) for i in range(count)
    ]


@dataclass
class Answer:
    """What a stream brought, joined; `error` is that of its error event."""

    text: str = ""
    finish_reason: str | None = None
    num_tokens: int = 0
    logprobs: tuple[Any, ...] = ()
    error: Any = None
    is_done: bool = False


async def ask(client: httpx.AsyncClient, job: Job, on_chunk: Callable[[], None] = lambda: None) -> Answer:
    """Streams a job's answer."""
    answer = Answer()
    async with client.stream("POST", "/v1/completions", json=job.body()) as response:
        if response.status_code != 200:
            answer.error = json.loads(await response.aread())["error"]
            return answer
        async for line in response.aiter_lines():
            if not line.startswith("data: "):
                continue
            on_chunk()
            if line == "data: [DONE]":
                answer.is_done = True
                continue
            event = json.loads(line[6:])
            answer.error = answer.error or event.get("error")
            answer.num_tokens = (event.get("usage") or {}).get("completion_tokens", 0)
            for choice in event.get("choices", ()):
                answer.text += choice["text"]
                answer.finish_reason = answer.finish_reason or choice["finish_reason"]
                if choice.get("logprobs"):
                    tokens, logprobs = choice["logprobs"]["tokens"], choice["logprobs"]["token_logprobs"]
                    answer.logprobs += tuple(zip(tokens, logprobs, strict=True))
    return answer


def ask_all(url: str, work: list[Job], during: Callable[[list[int]], None] = lambda counts: None) -> list[Answer]:
    """Streams all at once. `during` runs in a thread meanwhile and sees how many chunks each stream has brought."""
    rounds = ask_repeatedly(url, work, during, until=0.0)
    return [answer for (answer,) in rounds]


def ask_repeatedly(url: str, work: list[Job], during: Callable[[list[int]], None], until: float) -> list[list[Answer]]:
    """The same with each stream asked for again and again until that time; returns the answers of each."""
    counts = [0] * len(work)

    async def repeat(client: httpx.AsyncClient, index: int) -> list[Answer]:
        def count() -> None:
            counts[index] += 1

        answers = [await ask(client, work[index], count)]
        while time.monotonic() < until:
            answers.append(await ask(client, work[index], count))
        return answers

    async def body() -> list[list[Answer]]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT, limits=limits) as client:
            streams = asyncio.gather(*(repeat(client, index) for index in range(len(work))))
            await asyncio.gather(asyncio.to_thread(during, counts), streams)
            return await streams

    return asyncio.run(body())
