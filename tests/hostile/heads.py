"""What comes before a body, and how a body is framed: where parsers differ, requests are smuggled."""

from __future__ import annotations

import gzip

from hostile.case import CHAT, OK, Answer, Case, case, head, post, refused

ALIVE = "GET /livez HTTP/1.1"
HELLO = b'{"messages":[{"role":"user","content":"hi"}],"max_tokens":2}'
JSON = "Content-Type: application/json"
NO_HTTP = refused()
FORBIDDEN = refused(403, "PermissionDeniedError")
NO_VERSION = refused(505)
NOWHERE = refused(404, "NotFoundError")
NO_METHOD = refused(405, "MethodNotAllowedError")
NO_TYPE = refused(415)


def line(name: str, text: str, answer: Answer) -> Case:
    """An odd first line."""
    return case(name, head(text, "Connection: close"), answer)


def path(name: str, text: str, answer: Answer = NOWHERE) -> Case:
    return line(name, f"GET {text} HTTP/1.1", answer)


def headers(name: str, answer: Answer, *lines: str) -> Case:
    """Odd headers of a request without a body."""
    return case(name, "\r\n".join((ALIVE, *lines, "Connection: close", "", "")).encode("latin-1"), answer)


def framed(name: str, lines: list[str], content: bytes, *answers: Answer) -> Case:
    """An odd frame of a body."""
    return case(name, head(f"POST {CHAT} HTTP/1.1", JSON, *lines) + content, *answers)


def typed(name: str, answer: Answer, *lines: str) -> Case:
    """An odd content type."""
    length = f"Content-Length: {len(HELLO)}"
    return case(name, head(f"POST {CHAT} HTTP/1.1", length, *lines) + HELLO, answer)


HOST = "Host: localhost"
CHUNKED = "Transfer-Encoding: chunked"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HELLO), HELLO)

# fmt: off -- a table: one case, one line
CASES: list[Case] = [
    # First lines.
    case("nonsense", b"nonsense\r\n\r\n", NO_HTTP),
    case("a greeting of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", NO_HTTP),
    case("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NO_HTTP),
    case("HTTP/0.9", b"GET /livez\r\n\r\n", NO_VERSION),
    case("HTTP/1.0", b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n", OK),
    line("HTTP/2.0 in a line", "GET /livez HTTP/2.0", NO_VERSION),
    line("HTTP/9.9", "GET /livez HTTP/9.9", NO_HTTP),
    line("a word too many", "GET /livez now HTTP/1.1", NO_HTTP),
    line("a method that nobody knows", "FETCH /livez HTTP/1.1", NO_HTTP),
    line("a method in small letters", "get /livez HTTP/1.1", NO_HTTP),
    line("a method of 10,000 letters", "G" * 10_000 + " /livez HTTP/1.1", NO_HTTP),
    line("TRACE", "TRACE /livez HTTP/1.1", NO_METHOD),
    line("OPTIONS", "OPTIONS /v1/models HTTP/1.1", NO_METHOD),
    line("DELETE", "DELETE /v1/models HTTP/1.1", NO_METHOD),
    line("PUT", f"PUT {CHAT} HTTP/1.1", NO_METHOD),
    line("GET of what is posted", f"GET {CHAT} HTTP/1.1", NO_METHOD),
    line("CONNECT", "CONNECT localhost:80 HTTP/1.1", NO_HTTP),
    line("a blank before the method", " GET /livez HTTP/1.1", NO_HTTP),
    # Paths.
    path("nowhere", "/nowhere"),
    path("a path with dots", "/v1/../livez"),
    path("a path with escaped dots", "/v1/%2e%2e/livez"),
    path("a path out of the root", "/../../../../etc/passwd"),
    path("a path out of the root, escaped", "/..%2f..%2fetc%2fpasswd"),
    path("a path with two slashes", "//livez"),
    path("a path with a slash too many", "/livez/"),
    path("a path in capitals", "/LIVEZ"),
    path("a path with a zero", "/livez%00"),
    path("a path with a line end", "/livez%0d%0aX-Evil:%201"),
    path("a path with a broken escape", "/%zz"),
    path("a path of UTF-8 that is none", "/%ff%fe"),
    path("a path with letters beyond ASCII", "/\xff", NO_HTTP),
    path("a path with an escaped slash", "/v1%2fmodels", OK),
    path("an overlong path", "/" + "a" * 60_000),
    path("a whole address as path", "http://localhost/livez", OK),
    path("the address of another as path", "http://evil.example/livez", FORBIDDEN),
    path("a path that is a star", "*", NO_HTTP),
    path("no path", "?", NO_HTTP),
    path("a fragment", "/livez#x", OK),
    path("a query of 50,000 letters", "/livez?" + "a" * 50_000, OK),
    path("a thousand parameters", "/livez?" + "a=1&" * 1000, OK),
    path("a model with dots", "/v1/models/../../etc", refused(404, "NotFoundError", "model")),
    path("a model with a line end", "/v1/models/a%0ab"),
    line(
        "an answer with a line end in its id",
        f"POST {CHAT}/a%0Ab/answer_now HTTP/1.1",
        refused(404, "NotFoundError", "id"),
    ),
    line(
        "an answer with an id of 5000 letters",
        f"POST {CHAT}/{'a' * 5000}/answer_now HTTP/1.1",
        refused(404, "NotFoundError", "id"),
    ),
    line("an answer without an id", f"POST {CHAT}//answer_now HTTP/1.1", NOWHERE),
    # Hosts and origins.
    headers("no host", NO_HTTP),
    headers("an empty host", NO_HTTP, "Host:"),
    headers("two hosts", NO_HTTP, HOST, "Host: evil.example"),
    headers("one host twice", NO_HTTP, HOST, HOST),
    headers("another host", FORBIDDEN, "Host: evil.example"),
    headers("a host that begins like ours", FORBIDDEN, "Host: localhost.evil.example"),
    headers("a host after a name", NO_HTTP, "Host: localhost@evil.example"),
    headers("a host before a fragment", NO_HTTP, "Host: evil.example#localhost"),
    headers("a host with a path", NO_HTTP, "Host: localhost/evil"),
    headers("a host with a blank", NO_HTTP, "Host: local host"),
    headers("a port that is none", NO_HTTP, "Host: localhost:http"),
    headers("a port of ten digits", NO_HTTP, "Host: localhost:8000000000"),
    headers("an address of the net", FORBIDDEN, "Host: 93.184.216.34"),
    headers("the address that means all", FORBIDDEN, "Host: 0.0.0.0"),
    headers("an address written as a number", FORBIDDEN, "Host: 2130706433"),
    headers("a host of 10,000 letters", FORBIDDEN, "Host: " + "a" * 10_000),
    headers("a host with letters beyond ASCII", NO_HTTP, "Host: l\xf6calhost"),
    headers("this machine by address", OK, "Host: 127.0.0.1:8000"),
    headers("this machine by IPv6", OK, "Host: [::1]"),
    headers("this machine with a dot", OK, "Host: LOCALHOST."),
    headers("another origin", FORBIDDEN, HOST, "Origin: https://evil.example"),
    headers("an origin without a name", FORBIDDEN, HOST, "Origin: null"),
    headers("an empty origin", FORBIDDEN, HOST, "Origin:"),
    headers("two origins", FORBIDDEN, HOST, "Origin: http://localhost", "Origin: https://evil.example"),
    headers("an origin of this machine", OK, HOST, "Origin: http://localhost:3000"),
    headers("a host that was forwarded", OK, HOST, "X-Forwarded-Host: evil.example"),
    # Headers.
    headers("a header without a name", NO_HTTP, HOST, ": x"),
    headers("a header without a colon", NO_HTTP, HOST, "nonsense"),
    headers("a blank before a colon", NO_HTTP, HOST, "X-A : b"),
    headers("a folded header", NO_HTTP, HOST, "X-A: b", " c"),
    headers("a zero in a header", NO_HTTP, HOST, "X-A: b\x00c"),
    headers("a bare return in a header", NO_HTTP, HOST, "X-A: b\rX-B: c"),
    headers("a name with a bracket", NO_HTTP, HOST, "X(A): b"),
    headers("a name beyond ASCII", NO_HTTP, HOST, "X-\xc4: b"),
    headers("an id with a blank", OK, HOST, "X-Request-Id: a b"),
    headers("an id of a thousand letters", OK, HOST, "X-Request-Id: " + "a" * 1000),
    headers("an id with the codes of a terminal", NO_HTTP, HOST, "X-Request-Id: \x1b[31mred"),
    headers("2000 headers", refused(431), HOST, *["X-A: " + "b" * 40] * 2000),
    headers("1000 short headers", refused(431), HOST, *["A: b"] * 1000),
    headers("100 headers", OK, HOST, *["A: b"] * 100),
    headers("a header of 70,000 letters", refused(431), HOST, "X-A: " + "b" * 70_000),
    headers(
        "an upgrade to a socket", OK, HOST, "Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"
    ),
    headers("an upgrade to HTTP/2", OK, HOST, "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
    headers("lines that end without a return", NO_HTTP, HOST, "X-A: b\nX-B: c"),
    # Lengths of bodies.
    framed("no length", [], b"", refused()),
    framed("a negative length", ["Content-Length: -1"], HELLO, NO_HTTP),
    framed("a length with a plus", ["Content-Length: +5"], HELLO, NO_HTTP),
    framed("a length that is a word", ["Content-Length: many"], HELLO, NO_HTTP),
    framed("a hexadecimal length", ["Content-Length: 0x3e"], HELLO, NO_HTTP),
    framed("a length beyond all integers", ["Content-Length: " + "9" * 30], HELLO, NO_HTTP),
    framed("a length of an exabyte", ["Content-Length: 1000000000000000000"], HELLO, refused(413)),
    framed("an empty length", ["Content-Length:"], HELLO, NO_HTTP),
    framed("two lengths", [f"Content-Length: {len(HELLO)}", "Content-Length: 5"], HELLO, NO_HTTP),
    framed("one length twice", [f"Content-Length: {len(HELLO)}"] * 2, HELLO, NO_HTTP),
    framed("a list of lengths", [f"Content-Length: {len(HELLO)}, {len(HELLO)}"], HELLO, NO_HTTP),
    framed("a length too short", ["Content-Length: 5"], HELLO, NO_HTTP),
    # Chunks.
    framed("chunks", [CHUNKED], CHUNKS, OK),
    framed("chunks and a length", [CHUNKED, f"Content-Length: {len(HELLO)}"], CHUNKS, NO_HTTP),
    framed("a length and chunks", ["Content-Length: 4", CHUNKED], CHUNKS, NO_HTTP),
    framed("chunks twice", [CHUNKED, CHUNKED], CHUNKS, NO_HTTP),
    framed("an encoding that nobody knows", ["Transfer-Encoding: xchunked"], CHUNKS, refused(501)),
    framed("chunks that are none", ["Transfer-Encoding: identity"], CHUNKS, refused(501)),
    framed("chunks and more", ["Transfer-Encoding: chunked, identity"], CHUNKS, NO_HTTP),
    framed("a chunk's size that is none", [CHUNKED], b"zz\r\n" + HELLO, NO_HTTP),
    framed("a negative chunk", [CHUNKED], b"-5\r\n" + HELLO, NO_HTTP),
    framed("a chunk beyond all integers", [CHUNKED], b"f" * 17 + b"\r\n" + HELLO, NO_HTTP),
    framed("a chunk without its end", [CHUNKED], b"5\r\n" + HELLO, NO_HTTP),
    framed("an empty chunk's size", [CHUNKED], b"\r\n\r\n", NO_HTTP),
    framed("chunks with a trailer", [CHUNKED], CHUNKS[:-2] + b"Host: evil.example\r\n\r\n", OK),
    framed("chunks with an extension", [CHUNKED], CHUNKS.replace(b"\r\n", b";a=b\r\n", 1), OK),
    framed("a body of single bytes", [CHUNKED], b"".join(b"1\r\n%c\r\n" % byte for byte in HELLO) + b"0\r\n\r\n", OK),
    framed(
        "chunks beyond the limit",
        [CHUNKED],
        b"%x\r\n" % (5 * 2**20) + b" " * (5 * 2**20) + b"\r\n0\r\n\r\n",
        refused(413),
    ),
    # One request inside another, and one after another.
    framed("a request in a body", [f"Content-Length: {len(head(ALIVE))}"], head(ALIVE), refused()),
    framed("a request behind chunks", [CHUNKED], CHUNKS + head(ALIVE, "Connection: close"), OK, OK),
    case("three at once", head(ALIVE) * 2 + head(ALIVE, "Connection: close"), OK, OK, OK),
    case("as many at once as may wait", head(ALIVE) * 16 + head(ALIVE, "Connection: close"), *[OK] * 17),
    case("a hundred at once", head(ALIVE) * 100, *[OK] * 17),
    case("nonsense behind a request", head(ALIVE) + b"nonsense\r\n\r\n", OK),
    case(
        "an answer, an error, an answer",
        post(CHAT, HELLO) + post(CHAT, b"{") + post(CHAT, HELLO, "Connection: close"),
        OK,
        refused(),
        OK,
    ),
    case("blank lines before a request", b"\r\n\r\n" + head(ALIVE, "Connection: close"), OK),
    framed("more to come, please", [f"Content-Length: {len(HELLO)}", "Expect: 100-continue"], HELLO, Answer(100), OK),
    framed("an expectation that nobody knows", [f"Content-Length: {len(HELLO)}", "Expect: a miracle"], HELLO, OK),
    # Types of bodies.
    typed("no type", NO_TYPE),
    typed("a plain text", NO_TYPE, "Content-Type: text/plain"),
    typed("a form", NO_TYPE, "Content-Type: application/x-www-form-urlencoded"),
    typed("a form of many parts", NO_TYPE, "Content-Type: multipart/form-data; boundary=x"),
    typed("a type that is none", NO_TYPE, "Content-Type: json"),
    typed("a type that begins like ours", NO_TYPE, "Content-Type: application/jsonp"),
    typed("two types in one", NO_TYPE, "Content-Type: text/plain, application/json"),
    typed("an empty type", NO_TYPE, "Content-Type:"),
    typed("a type with a parameter", OK, "Content-Type: APPLICATION/json ; charset=utf-8"),
    case("a packed body", post(CHAT, gzip.compress(HELLO), "Content-Encoding: gzip"), NO_TYPE),
    case("an answer that nobody can read", post(CHAT, HELLO, "Accept: image/png"), OK),
]
