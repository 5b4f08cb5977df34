"""Heads that two servers could read in two ways (request smuggling), and targets that are not ours."""

from __future__ import annotations

import pytest

from raw_http import status_and_error, talk
from scripted_engine import ScriptedEngine

HOST = b"Host: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def live(serve):
    return serve(ScriptedEngine(["</think>hello"]))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Content-Length: 5\r\n" + CHUNKED, 400),
        (CHUNKED + b"Content-Length: 5\r\n", 400),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n", 400),
        (b"Content-Length: 0\r\nContent-Length: 45\r\n", 400),
        (b"Content-Length: 5, 5\r\n", 400),
        (b"Content-Length: +5\r\n", 400),
        (b"Content-Length: -1\r\n", 400),
        (b"Content-Length: 0x5\r\n", 400),
        (b"Content-Length: 5 5\r\n", 400),
        (b"Content-Length: 99999999999999999999999\r\n", 400),
        (b"Content-Length:\r\n", 400),
        (b"Content-Length : 5\r\n", 400),
        (b" Content-Length: 5\r\n", 400),
        (b"Transfer-Encoding : chunked\r\n", 400),
        (b"Transfer-Encoding:\x0bchunked\r\n", 400),
        (b"Transfer-Encoding: xchunked\r\n", 501),
        (b"Transfer-Encoding: chunked, identity\r\n", 400),
        (CHUNKED + CHUNKED, 400),
        (CHUNKED + b"Transfer-Encoding: identity\r\n", 400),
        (b"Transfer-Encoding: identity\r\n", 501),
        (b"Transfer-Encoding: gzip, chunked\r\n", 501),
        (b"X: a\r\n b\r\n", 400),
        (b"X: a\x00b\r\n", 400),
        (b"X: a\rb\r\n", 400),
        (b"X: a\nContent-Length: 5\r\n", 400),
        (b"X Y: a\r\n", 400),
        (b": a\r\n", 400),
        (b"\xff: a\r\n", 400),
    ],
)
def test_lengths_and_codings_that_leave_the_end_open(live, headers, status):
    """One refusal, and what might be taken for a second request is never answered."""
    answer = talk(live, b"POST /generate HTTP/1.1\r\n" + HOST + headers + b"\r\n" + b"0\r\n\r\n" + SMUGGLED)
    got, error = status_and_error(answer)
    assert (got, error["code"]) == (status, status)
    assert answer.count(b"HTTP/1.1") == 1
    assert b"\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize(
    "body",
    [
        b"3\nabc\n0\n\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcX\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFFF\r\nabc\r\n",
        b"-1\r\n\r\n",
    ],
)
def test_chunks_that_are_none(live, body):
    head = b"POST /generate HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST + CHUNKED + b"\r\n"
    answer = talk(live, head + body + SMUGGLED)
    assert status_and_error(answer)[0] == 400
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    ("first_line", "status"),
    [
        (b"GET / HTTP/2.0", 505),
        (b"GET / HTTP/0.9", 505),
        (b"GET /", 505),
        (b"GET / HTTP/1.1 ", 400),
        (b"PRI * HTTP/2.0", 400),
        (b"get / HTTP/1.1", 400),
        (b"FOO / HTTP/1.1", 400),
        (b"GET livez HTTP/1.1", 400),
        (b"CONNECT evil.example:443 HTTP/1.1", 400),
        (b"GET * HTTP/1.1", 400),
        (b"GET ftp://localhost/livez HTTP/1.1", 400),
        (b"GET http:///livez HTTP/1.1", 400),
        (b"GET http://localhost@evil.example/livez HTTP/1.1", 400),
        (b"GET http://user:pass@localhost/livez HTTP/1.1", 400),
    ],
)
def test_first_lines(live, first_line, status):
    assert status_and_error(talk(live, first_line + b"\r\n" + HOST + b"\r\n"))[0] == status


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        (b"http://localhost/livez", b"localhost", 200),
        (b"http://localhost:8000/livez", b"evil.example", 200),  # the URL counts, as RFC 9112 says
        (b"http://[::1]:8000/livez?x=1", b"localhost", 200),
        (b"http://evil.example/livez", b"localhost", 403),
        (b"http://localhost", b"localhost", 200),  # the chat page
        (b"//evil.example/livez", b"localhost", 404),
        (b"/livez", b"evil.example", 403),
        (b"/livez", b"", 400),
    ],
)
def test_whole_urls(live, target, host, status):
    request = b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (target, host)
    assert int(talk(live, request).split()[1]) == status


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [(b"1.1", 0, 400), (b"1.1", 2, 400), (b"1.0", 0, 200), (b"1.0", 1, 200), (b"1.0", 2, 400)],
)
def test_one_host(live, version, hosts, status):
    answer = talk(live, b"GET /livez HTTP/%b\r\nConnection: close\r\n%b\r\n" % (version, HOST * hosts))
    assert int(answer.split()[1]) == status


def test_http_1_0_has_no_chunks(live):
    answer = talk(live, b"POST /generate HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\n")
    assert status_and_error(answer)[0] == 400


def test_trailers_are_no_headers(live):
    """Neither a type, nor a host, nor a key comes in behind the body."""
    for trailer in (b"Content-Type: application/json", b"Host: evil.example", b"X-Request-Id: forged"):
        body = b'{"prompt":"hi"}'
        request = b"POST /generate HTTP/1.1\r\nConnection: close\r\n" + HOST + CHUNKED
        request += b"\r\n%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(body), body, trailer)
        answer = talk(live, request)
        assert answer.startswith(b"HTTP/1.1 415")
        assert b"forged" not in answer


@pytest.mark.parametrize(("count", "status"), [(127, 200), (128, 431), (5000, 431)])
def test_many_headers(live, count, status):
    answer = talk(live, b"GET /livez HTTP/1.1\r\n" + HOST + b"A: b\r\n" * (count - 1) + b"Connection: close\r\n\r\n")
    assert int(answer.split()[1]) == status


@pytest.mark.parametrize("offer", [b"h2c", b"websocket", b"TLS/1.0"])
def test_an_offer_to_change_the_protocol_is_ignored(live, offer):
    """Also by clients such as Java's, which make it with every request."""
    body = b'{"prompt":"hi"}'
    offered = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + offer + b"\r\nHTTP2-Settings: AA\r\n" + HOST
    head = b"POST /generate HTTP/1.1\r\n" + offered + b"Content-Type: application/json\r\nContent-Length: 15\r\n\r\n"
    last = b"GET /livez HTTP/1.1\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n" + HOST + b"\r\n"
    for pieces in ((head + body + head + body + last,), (head, body, head, body, last)):
        answer = talk(live, *pieces)
        assert answer.count(b'{"response":"hello"}') == 2
        assert answer.endswith(b'{"status":"alive"}')


@pytest.mark.parametrize("headers", [b"Transfer-Encoding: gzip, chunked\r\n", HOST, b"Content-Length: 3\r\n" + CHUNKED])
def test_an_offer_changes_no_rule(live, headers):
    head = b"POST /generate HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" + HOST + headers + b"\r\n"
    answer = talk(live, head + b"0\r\n\r\n" + SMUGGLED)
    assert status_and_error(answer)[0] in (400, 501)
    assert answer.count(b"HTTP/1.1") == 1
