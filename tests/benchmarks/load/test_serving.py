"""The whole benchmark against real servers."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.load.client import Client
from benchmarks.load.loops import closed_loop, open_loop
from benchmarks.load.server import ServerError, sampan_serve

from benchmarks import serving
from server_process import scripted_server

ANSWER = "Thought.\n</think>\n\nAnswer."


def test_counts_and_figures_of_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = tmp_path / "counts.json"
    with scripted_server(answers=[ANSWER]) as server:
        code = serving.main(
            f"--url {server.url} --rates 40 80 --concurrency 2 --seconds 0.5 --warmup 3 --max-tokens 100 "
            f"--output {tmp_path} --counts {counts}".split()
        )
        assert code == 0
        assert server.stop()[0] == 0
    (file,) = tmp_path.glob("serving-*.json")
    assert file.with_suffix(".svg").is_file()
    result = json.loads(file.read_text())
    assert result.keys() >= {"machine", "commit", "date", "server", "workload", "objective", "points"}
    assert [(point["loop"], point["load"]) for point in result["points"]] == [("open", 40), ("open", 80), ("closed", 2)]
    counted = json.loads(counts.read_text())
    assert counted["requests"] == 3 + sum(point["counts"]["requests"] for point in result["points"])
    assert counted["statuses"] == {"200": counted["requests"]}
    assert counted["requests"] == counted["complete"] == sum(counted["finish_reasons"].values())
    assert counted["completion_tokens"] % counted["requests"] == 0
    for point in result["points"]:
        assert point["failed"] == point["refused"] == 0
        assert 0 < point["client_cpu"] < 1
        assert point["server_cpu"] is None
    assert "first" in capsys.readouterr().out


@pytest.fixture
def refusing() -> Iterator[str]:
    """A server that refuses every other request and closes the connection in the middle of each third."""
    loop = asyncio.new_event_loop()
    numbers = iter(range(10_000))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            number = next(numbers)
            if number % 2:
                writer.write(b"HTTP/1.1 429 Busy\r\ncontent-length: 2\r\n\r\n{}")
            else:
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\ndata:")
                writer.close()
                return

    async def start() -> int:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    port = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def test_refusals_and_failures_are_told_apart(refusing: str) -> None:
    async def ask() -> list[tuple[int, str]]:
        outcomes = await closed_loop(Client(refusing), iter([b"{}"] * 6), concurrency=1, count=6)
        return [(outcome.status, outcome.error) for outcome in outcomes]

    assert asyncio.run(ask()) == [(200, "connection closed"), (429, "{}")] * 3


def test_a_server_that_is_not_there() -> None:
    async def ask() -> str:
        (outcome,) = await closed_loop(Client("http://127.0.0.1:9"), iter([b"{}"]), concurrency=1, count=1)
        return outcome.error

    assert asyncio.run(ask()).startswith("no connection")


def test_a_server_that_does_not_answer_in_time() -> None:
    async def ask() -> str:
        silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        outcome = await Client(f"http://127.0.0.1:{port}", timeout=0.1).ask(b"{}")
        silent.close()
        return outcome.error

    assert asyncio.run(ask()) == "connection closed"


def test_an_open_loop_sends_at_its_rate_whatever_the_server_does() -> None:
    async def ask() -> list[float]:
        silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        client = Client(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}", timeout=0.5)
        outcomes = await open_loop(client, iter([b"{}"] * 1000), rate=200, seconds=0.5, seed=1)
        silent.close()
        return [outcome.due for outcome in outcomes]

    due = asyncio.run(ask())
    assert 60 < len(due) < 140  # 100 on average
    assert due == sorted(due)
    assert due[-1] - due[0] < 0.5


def test_a_server_that_does_not_start_is_told() -> None:
    with pytest.raises(ServerError, match="no-such-model"), sampan_serve(["no-such-model"]):
        pass
