"""What a server logs: a line an event, for people or for machines, and never what is said unless that is asked for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from sampan.cluster.client import RequestTimes
from sampan.server.http.exchange import Exchange
from server_process import sampan_serve

SECRET = "Zanzibar\n{forged}"
CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": SECRET}], "max_tokens": 30, "ignore_eos": True}
TIMEOUT = 60.0


def served(log: Path, *arguments: str) -> tuple[list[str], str, int]:
    """The lines that a server logs while it answers one chat, the answer, and the tokens of its prompt."""
    with sampan_serve(*arguments, log=log) as server:
        head = {"x-request-id": "mine-1"}
        response = httpx.post(f"{server.url}/v1/chat/completions", json=CHAT, headers=head, timeout=TIMEOUT).json()
        httpx.get(f"{server.url}/nowhere", headers={"x-request-id": "mine-2"}, timeout=TIMEOUT)
        server.stop()
    message = response["choices"][0]["message"]
    lines = log.read_text().splitlines()
    return lines, message["reasoning_content"] or message["content"], response["usage"]["prompt_tokens"]


def test_json(tmp_path: Path) -> None:
    lines, said, num_prompt_tokens = served(tmp_path / "log", "--log-format", "json")
    events = [json.loads(line) for line in lines]
    assert all({"time", "level", "logger", "pid", "message"} <= event.keys() for event in events)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", event["time"]) for event in events)
    (chat,) = [event for event in events if event.get("request_id") == "mine-1"]
    assert (chat["method"], chat["path"], chat["status"]) == ("POST", "/v1/chat/completions", 200)
    assert (chat["prompt_tokens"], chat["generation_tokens"]) == (num_prompt_tokens, 30)
    assert 0 < chat["queue_seconds"] <= chat["first_token_seconds"] <= chat["milliseconds"] / 1000
    (lost,) = [event for event in events if event.get("request_id") == "mine-2"]
    assert lost["status"] == 404
    assert "prompt_tokens" not in lost
    assert {event["logger"] for event in events} >= {"sampan.server", "sampan.cluster.supervisor"}
    assert not any("Zanzibar" in line or said in line for line in lines)


def test_console_and_what_was_said_where_that_is_asked_for(tmp_path: Path) -> None:
    lines, said, num_prompt_tokens = served(tmp_path / "log", "--log-prompts")
    (chat,) = [line for line in lines if "mine-1 POST" in line]
    pattern = (
        rf"mine-1 POST /v1/chat/completions 200 [\d.]+ ms - {num_prompt_tokens}\+30 tokens, queued [\d.]+ ms, first"
    )
    assert re.search(pattern, chat)
    (told,) = [line for line in lines if "Zanzibar" in line]
    assert "mine-1" in told
    assert r"Zanzibar\n{forged}" in told
    assert repr(said)[1:-1][:20] in told


@pytest.mark.parametrize(
    ("exchange", "told"),
    [
        (Exchange("r"), ""),
        (Exchange("r", 5.0, 12, 0), " 12+0 tokens"),
        (
            Exchange("r", 5.0, 12, 50, [RequestTimes(5.002, 5.09), RequestTimes(5.0004, 5.0801)]),
            " 12+50 tokens, queued 0.4 ms, first after 80.1 ms",
        ),
    ],
)
def test_what_is_told_of_an_exchange(exchange: Exchange, told: str) -> None:
    assert str(exchange) == told
