"""Names under which the server may be called."""

from __future__ import annotations

import pytest

from sampan.server.http.host_guard import host_name, is_loopback

LOCAL = [
    "localhost",
    "LOCALHOST:8000",
    "127.0.0.1",
    "127.0.0.1:8000",
    "127.9.9.9",
    "[::1]",
    "[::1]:8000",
    "[::ffff:127.0.0.1]:8000",
    "[0:0:0:0:0:0:0:1]",
    "x.localhost",
]
FOREIGN = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "10.0.0.1",
    "[fe80::1]",
    "0.0.0.0",
    "[::]",
    "[::ffff:10.0.0.1]",
    "2130706433",
    "0x7f.1",
]
MALFORMED = [
    "",
    ":80",
    "localhost:x",
    "localhost:999999",
    "a@localhost",
    "localhost/x",
    "localhost?x",
    "[::1",
    "[::1]8000",
    "[fe80::1%25eth0]",
    "::1",
    "localhost:",
    "localhost, evil.example",
    "xn--\u2024".encode().decode("latin-1"),
    "localhost#",
]


@pytest.mark.parametrize("host", LOCAL)
def test_loopback_names_pass(ask, host):
    assert ask().get("/livez", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/v1/models"])
@pytest.mark.parametrize(
    ("host", "status", "error_type"),
    [
        *((host, 403, "PermissionDeniedError") for host in FOREIGN),
        *((host, 400, "BadRequestError") for host in MALFORMED),
    ],
)
def test_others_do_not(ask, host, status, error_type, path):
    response = ask().get(path, headers={"host": host.encode("latin-1")})
    assert (response.status_code, response.json()["error"]["type"]) == (status, error_type)
    assert response.headers["x-request-id"]


def test_two_hosts_do_not_pass(ask):
    assert ask().get("/livez", headers=[("host", "localhost"), ("host", "localhost")]).status_code == 400


def test_allowed_hosts(ask):
    asked = ask(allowed_hosts=("Sampan.lan",))
    assert asked.get("/livez", headers={"host": "sampan.lan:80"}).status_code == 200
    assert asked.get("/livez", headers={"host": "other.lan"}).status_code == 403


def test_beyond_loopback_any_host_unless_listed(ask):
    assert ask(host="0.0.0.0").get("/livez", headers={"host": "sampan.lan"}).status_code == 200
    listed = ask(host="0.0.0.0", allowed_hosts=("sampan.lan",))
    assert listed.get("/livez", headers={"host": "sampan.lan"}).status_code == 200
    assert listed.get("/livez", headers={"host": "other.lan"}).status_code == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 200),
        ("https://127.0.0.1", 200),
        ("http://evil.example", 403),
        ("http://10.0.0.1", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_pages_of_other_sites_cannot_make_it_work(ask, origin, status):
    asked = ask()
    response = asked.post("/generate", params={"prompt": "hi"}, headers={"origin": origin})
    assert response.status_code == status
    assert len(asked.engine.calls) == (status == 200)
    assert "access-control-allow-origin" not in response.headers


def test_beyond_loopback_the_server_s_own_pages_pass(ask):
    asked = ask(host="0.0.0.0")
    headers = {"host": "sampan.lan:8000"}
    assert asked.get("/livez", headers={**headers, "origin": "http://sampan.lan:8000"}).status_code == 200
    assert asked.get("/livez", headers={**headers, "origin": "http://evil.example"}).status_code == 403


def test_names_and_loopback():
    assert [host_name(text) for text in MALFORMED] == [""] * len(MALFORMED)
    assert host_name("LocalHost.:80") == "localhost"
    assert host_name("[::1]:80") == "::1"
    assert all(is_loopback(host_name(text)) for text in LOCAL)
    assert not any(is_loopback(host_name(text)) for text in FOREIGN)
