"""Responses read piece by piece, however the network cuts them."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from benchmarks.load.exchange import Exchange, Outcome
from benchmarks.load.http import Connection
from hypothesis import given
from hypothesis import strategies as st

EVENTS = [
    b'{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}',
    b'{"choices":[{"delta":{"reasoning_content":"so\\n\\n"},"finish_reason":null}]}',
    b'{"choices":[{"delta":{"content":"yes"},"finish_reason":null}]}',
    b'{"choices":[{"delta":{},"finish_reason":"stop"}]}',
    b'{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":2}}}',
    b"[DONE]",
]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


STREAM = HEAD + chunked(b": ping\n\n", *(b"data: %b\n\n" % event for event in EVENTS))


class Transport(asyncio.Transport):
    """Takes what is written and goes nowhere."""

    closed = False

    def write(self, data: Any) -> None:
        pass

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def receive(*pieces: bytes, lose: bool = False) -> tuple[Outcome, Connection]:
    loop = asyncio.new_event_loop()
    connection, exchange = Connection(), Exchange(0.0, loop)
    connection.connection_made(Transport())
    connection.send(b"", exchange)
    for piece in pieces:
        connection.data_received(piece)
    if lose:
        connection.connection_lost(None)
    assert exchange.done.done()
    loop.close()
    return exchange.outcome, connection


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_a_stream_is_read_alike_however_it_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    outcome, connection = receive(*(STREAM[a:b] for a, b in pairwise(places)))
    assert outcome.is_complete
    assert (outcome.status, outcome.finish_reason, outcome.error) == (200, "stop", "")
    assert (outcome.prompt_tokens, outcome.completion_tokens, outcome.cached_tokens) == (7, 3, 2)
    assert len(outcome.arrivals) == 2
    assert connection.is_reusable


@pytest.mark.parametrize(
    ("pieces", "status", "error"),
    [
        ([], 0, "connection closed"),
        ([STREAM[:-20]], 200, "connection closed"),
        ([HEAD + chunked(*(b"data: %b\n\n" % event for event in EVENTS[:-1]))], 200, "the stream has no end"),
        ([HEAD + chunked(b'data: {"error":{"message":"gone"}}\n\n', b"data: [DONE]\n\n")], 200, '{"message":"gone"}'),
        ([b"HTTP/1.1 429 No\r\ncontent-length: 4\r\nretry-after: 1\r\n\r\nfull"], 429, "full"),
        ([b"HTTP/1.1 503 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"], 503, ""),
        ([b"nonsense\r\n\r\n"], 0, "malformed response"),
        ([HEAD + b"zz\r\n"], 200, "malformed response"),
        ([HEAD + chunked(b"data: {no json}\n\n")], 200, "malformed response"),
    ],
)
def test_what_goes_wrong_is_told(pieces: list[bytes], status: int, error: str) -> None:
    outcome, _ = receive(*pieces, lose=True)
    assert not outcome.is_complete
    assert outcome.is_refused == (status == 429)
    assert outcome.status == status
    assert error in outcome.error
