"""More than two hundred hostile requests to one server, each answered as it should be. After each a fixed greedy answer
is the same to the last bit, and all the while a stream goes on."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from cluster_process import TIMEOUT, Cluster, cluster, wait_until
from hostile import bodies, constraints, conversations, counts, heads, kinds, texts
from hostile.case import Answer, Case
from hostile.wire import Response, exchange
from unharmed import Unharmed, canary

GROUPS = (texts, bodies, counts, kinds, constraints, conversations, heads)
CASES = [case for group in GROUPS for case in group.CASES]
LEAK = re.compile(rb'Traceback|File "|site-packages|\.py\b|0x[0-9a-f]{6}|/home|/root|/tmp')
LONG: dict[str, Any] = {"prompt": "Once", "temperature": 0, "max_tokens": 1500, "ignore_eos": True, "stream": True}


class LongStream(threading.Thread):
    """One long answer after another, all the same.

    Attributes:
        num_chunks: that have come so far.
        texts: of the answers that are complete.
    """

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.num_chunks = 0
        self.texts: set[str] = set()
        self._url = url
        self._is_ending = threading.Event()

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=TIMEOUT) as client:
            while not self._is_ending.is_set():
                with client.stream("POST", "/v1/completions", json=LONG) as response:
                    self.texts.add(self._read(response))

    def end(self) -> None:
        self._is_ending.set()
        self.join()

    def _read(self, response: httpx.Response) -> str:
        text = ""
        for line in response.iter_lines():
            if line.startswith("data: {"):
                text += json.loads(line[6:])["choices"][0]["text"]
                self.num_chunks += 1
        return text


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster("--log-level", "error") as running:
        yield running


@pytest.fixture(scope="module")
def unharmed(server: Cluster) -> Iterator[Unharmed]:
    """Checks once more when all is over."""
    unharmed = Unharmed(server)
    yield unharmed
    unharmed.check()


@pytest.fixture(scope="module")
def stream(unharmed: Unharmed, server: Cluster) -> Iterator[LongStream]:
    stream = LongStream(server.url)
    stream.start()
    yield stream
    stream.end()
    assert len(stream.texts) == 1


@pytest.fixture(scope="module")
def client(server: Cluster) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:
        yield client


def test_the_corpus_is_large_and_its_names_differ() -> None:
    names = [case.name for case in CASES]
    assert len(names) >= 200
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile(case: Case, server: Cluster, client: httpx.Client, unharmed: Unharmed, stream: LongStream) -> None:
    before = stream.num_chunks
    host, port = server.url.removeprefix("http://").split(":")
    responses = exchange((host, int(port)), case.data, len(case.answers))
    assert [shown(response) for response in responses] == [replace(answer, prompt_tokens=0) for answer in case.answers]
    for response, answer in zip(responses, case.answers, strict=True):
        if answer.prompt_tokens:
            assert json.loads(response.body)["usage"]["prompt_tokens"] >= answer.prompt_tokens
    assert canary(client) == unharmed.canary
    wait_until(lambda: stream.num_chunks > before)


def shown(response: Response) -> Answer:
    """A response as the corpus describes one; its body must have the shape that its status has."""
    assert not LEAK.search(response.body)
    if response.status < 300:
        return Answer(response.status)
    body = json.loads(response.body)
    assert response.headers[b"content-type"] == b"application/json"
    assert list(body) == ["error"]
    error = body["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["code"] == response.status
    assert 0 < len(error["message"]) <= 400
    return Answer(response.status, error["type"], error["param"])
