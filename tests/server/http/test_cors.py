"""Pages of other origins: none, chosen ones, or all; never with credentials."""

from __future__ import annotations

import pytest

from key_files import bearer, key_of, write_keys
from sampan.config import ServerConfig
from sampan.errors import ConfigError

APP = "https://app.example:8443"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


def cors(response):
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


def test_off_unless_asked_for(ask):
    asked = ask()
    for origin in (APP, "http://localhost:3000"):
        for method, headers in (("GET", {}), ("OPTIONS", PREFLIGHT)):
            assert cors(asked.request(method, "/v1/models", headers={"origin": origin, **headers})) == {}


def test_pages_of_chosen_origins(ask):
    asked = ask(cors_origins=(APP,))
    preflight = asked.request("OPTIONS", "/v1/chat/completions", headers={"origin": APP, **PREFLIGHT})
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert cors(preflight) == {
        "access-control-allow-origin": APP,
        "access-control-allow-methods": "GET, POST, DELETE",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-max-age": "600",
    }
    assert preflight.headers["vary"] == "origin"
    answer = asked.chat()
    assert cors(answer) == {}
    answer = asked.post("/generate", {"prompt": "hi"}, headers={"origin": APP})
    assert (answer.status_code, cors(answer)["access-control-allow-origin"]) == (200, APP)
    assert "x-request-id" in cors(answer)["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "http://app.example:8443",
        "https://app.example",
        "https://app.example:84430",
        "https://evil-app.example:8443",
        "https://app.example:8443.evil.example",
        "null",
        "https://app.example:8443/",
    ],
)
def test_origins_that_only_look_alike(ask, origin):
    asked = ask(cors_origins=(APP,))
    for method, headers in (("POST", {}), ("OPTIONS", PREFLIGHT)):
        answer = asked.request(method, "/v1/chat/completions", headers={"origin": origin, **headers})
        assert (answer.status_code, cors(answer)) == (403, {})


def test_every_origin_with_keys(ask, tmp_path):
    keys = write_keys(tmp_path / "keys", key_of("ann"))
    asked = ask(cors_origins=("*",), api_key_file=keys)
    headers = {"origin": "https://anywhere.example"}
    assert asked.request("OPTIONS", "/v1/models", headers={**headers, **PREFLIGHT}).status_code == 204
    refused = asked.get("/v1/models", headers=headers)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")
    answer = asked.get("/v1/models", headers={**headers, **bearer("ann")})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-credentials" not in answer.headers
    assert asked.request("OPTIONS", "/v1/models", headers=headers).status_code == 401  # that is no preflight


@pytest.mark.parametrize("wanted", ["a b", "x\u00e9".encode("latin-1"), "a," * 100, "a:b", "a" * 100])
def test_odd_header_names_are_not_echoed(ask, wanted):
    headers = {"origin": APP, **PREFLIGHT, "access-control-request-headers": wanted}
    answer = ask(cors_origins=(APP,)).request("OPTIONS", "/generate", headers=headers)
    assert "access-control-allow-headers" not in answer.headers


def test_a_page_of_the_internet_may_ask_for_this_network(ask):
    headers = {"origin": APP, **PREFLIGHT, "access-control-request-private-network": "true"}
    answer = ask(cors_origins=(APP,)).request("OPTIONS", "/generate", headers=headers)
    assert answer.headers["access-control-allow-private-network"] == "true"


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/", "https://*.example", "file://", "null", ""])
def test_what_is_no_origin(origin):
    with pytest.raises(ConfigError, match="cors_origin"):
        ServerConfig(cors_origins=(origin,))


def test_every_origin_without_keys_is_refused():
    with pytest.raises(ConfigError, match="cors_origin") as caught:
        ServerConfig(cors_origins=("*",))
    assert "API keys" in caught.value.remedy
