"""Who gets in, and who does not."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import httpx
import pytest

from key_files import bearer, key_of, secret_of, write_keys
from sampan.cluster import ClusterState
from sampan.cluster.control import ProcessState
from sampan.config import ServerConfig
from sampan.server import create_app
from sampan.server.security.keys import digest_of, utc_now
from sampan.server.security.operator_key import read_api_key
from scripted_engine import CHAT_TEMPLATE, TOKENIZER, ScriptedEngine

PUBLIC = {"/", "/livez", "/readyz", "/health"}


@pytest.fixture
def guarded(ask, tmp_path):
    """A server with the keys of ann, and of bob, who is admin."""
    return ask(api_key_file=write_keys(tmp_path / "keys", key_of("ann"), key_of("bob", role="admin")))


@pytest.mark.parametrize(
    "headers",
    [
        bearer("ann"),
        {"authorization": f"bearer   {secret_of('ann')} "},
        {"x-api-key": secret_of("ann")},
        {"api-key": secret_of("ann")},
        {**bearer("ann"), "x-api-key": secret_of("ann")},
        {"authorization": "Basic YTpi", "x-api-key": secret_of("ann")},
    ],
)
def test_every_way_to_bring_a_key(guarded, headers):
    assert guarded.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "No API key was sent"),
        ({"authorization": ""}, "No API key was sent"),
        ({"authorization": secret_of("ann")}, "No API key was sent"),
        ({"authorization": f"Basic {secret_of('ann')}"}, "No API key was sent"),
        ({"cookie": f"api-key={secret_of('ann')}"}, "No API key was sent"),
        ({"authorization": "Bearer "}, "not one of"),
        ({"authorization": "Bearer"}, "No API key"),
        ({"authorization": f"Bearer {secret_of('eve')}"}, "not one of"),
        ({"authorization": f"Bearer {secret_of('ann')[:-1]}"}, "not one of"),
        ({"authorization": f"Bearer {secret_of('ann')}x"}, "not one of"),
        ({"authorization": f"Bearer {secret_of('ann').upper()}"}, "not one of"),
        ({"authorization": f"Bearer {key_of('ann').sha256}"}, "not one of"),
        ({"authorization": f"Bearer {secret_of('ann')} {secret_of('bob')}"}, "not one of"),
        ({"x-api-key": "ключ".encode()}, "not one of"),
        ({"x-api-key": b"\xff\xfe"}, "not one of"),
        ({"x-api-key": "k" * 50_000}, "not one of"),
        ({**bearer("ann"), "x-api-key": secret_of("bob")}, "More than one"),
        ([("authorization", f"Bearer {secret_of(name)}") for name in ("ann", "bob")], "More than one"),
    ],
    ids=range(18),
)
def test_others_are_told_what_to_send(guarded, headers, message):
    response = guarded.post("/v1/completions", {"prompt": "hi"}, headers=headers)
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["param"], error["code"]) == (
        401,
        "AuthenticationError",
        None,
        401,
    )
    assert message in error["message"]
    assert "Authorization: Bearer" in error["message"]
    assert "sk-" not in response.text
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["x-request-id"]
    assert guarded.engine.calls == []


def test_no_route_is_forgotten(ask, tmp_path):
    """Of all that the application routes, and of what it does not, under every method, only the public paths answer."""
    config = ServerConfig(api_key_file=write_keys(tmp_path / "keys", key_of("ann")))
    guarded = ask()
    guarded.app = create_app(
        ScriptedEngine(), TOKENIZER, CHAT_TEMPLATE, config, cluster=lambda: ClusterState(ProcessState(1), [], [])
    )
    paths = {path.replace("{", "").replace("}", "") for path in guarded.app.openapi()["paths"]}
    assert {"/admin/status", "/v1/chat/completions"} <= paths
    odd = {
        "/openapi.json",
        "/nothing",
        "/livez/",
        "/%2Flivez",
        "/LIVEZ",
        "/livez/../v1/models",
        "/livez;x",
        "/page",
        "/admin",
        "/metrics",
        "/docs",
    }
    for path in paths | odd:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
            is_public = path in PUBLIC and method in ("GET", "HEAD")
            response = guarded.request(method, path)
            assert (response.status_code != 401) == is_public, (method, path)


@pytest.mark.parametrize("path", ["/admin/status", "/admin/nothing", "/admin", "/%61dmin/status", "/admin/"])
def test_admin_needs_the_role(guarded, path):
    response = guarded.get(path, headers=bearer("ann"))
    assert (response.status_code, response.json()["error"]["type"]) == (403, "PermissionDeniedError")
    assert guarded.get(path, headers=bearer("bob")).status_code == 404  # this server has no cluster to show
    assert guarded.get(path).status_code == 401


def test_the_openapi_document_says_so(ask, guarded):
    assert "security" not in ask().get("/openapi.json").json()
    document = guarded.get("/openapi.json", headers=bearer("ann")).json()
    schemes = document["components"]["securitySchemes"]
    assert [list(scheme) for scheme in document["security"]] == [[name] for name in schemes]
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert (operation.get("security") == [], "401" in operation["responses"]) == (
                path in PUBLIC,
                path not in PUBLIC,
            )


def test_a_body_is_not_read_for_strangers(guarded):
    sent = 0

    async def chunks():
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b" "

    response = guarded.request("POST", "/v1/completions", content=chunks())
    assert (response.status_code, sent) == (401, 0)


def test_an_expired_key_is_told_so(ask, tmp_path):
    now, hour = utc_now(), timedelta(hours=1)
    keys = key_of("old", expires=now - hour), key_of("new", expires=now + hour)
    asked = ask(api_key_file=write_keys(tmp_path / "keys", *keys))
    refused = asked.get("/v1/models", headers=bearer("old"))
    assert (refused.status_code, "expired" in refused.json()["error"]["message"]) == (401, True)
    assert asked.get("/v1/models", headers=bearer("new")).status_code == 200


def test_a_file_without_keys_lets_nobody_in(ask, tmp_path):
    assert ask(api_key_file=write_keys(tmp_path / "keys")).get("/v1/models", headers=bearer("ann")).status_code == 401


def test_the_operator_s_key(ask):
    asked = ask(api_key_sha256=digest_of(b"k" * 16).hex())
    assert asked.get("/v1/models", headers={"authorization": f"Bearer {'k' * 16}"}).status_code == 200
    assert asked.get("/v1/models").status_code == 401
    assert "k" * 16 not in repr(asked.app.state.service.config)


def test_each_key_is_a_tenant_with_cached_prompts_of_its_own(guarded):
    for headers in (bearer("ann"), bearer("bob")):
        guarded.post("/v1/completions", {"prompt": "hi", "user": "u"}, headers=headers)
        guarded.post("/v1/completions", {"prompt": "hi", "cache_salt": "x"}, headers=headers)
        guarded.post("/v1/completions", {"prompt": "hi", "stream": True}, headers=headers)
        guarded.post("/generate", {"prompt": "hi"}, headers=headers)
    calls = guarded.engine.calls
    assert [call.tenant for call in calls] == ["ann"] * 4 + ["bob"] * 4
    salts = [call.cache_salt for call in calls]
    assert all(salts)
    assert [salts.index(salt) for salt in salts] == [0, 1, 0, 0, 4, 5, 4, 4]


def test_without_keys_users_are_tenants(ask):
    asked = ask()
    asked.post("/v1/completions", {"prompt": "hi", "user": "u", "cache_salt": "x"})
    (call,) = asked.engine.calls
    assert (call.tenant, call.cache_salt) == ("u", "x")


def test_salts_outlive_a_restart(ask, tmp_path):
    path = write_keys(tmp_path / "keys", key_of("ann"))
    salts = set()
    for _ in range(2):
        asked = ask(api_key_file=path)
        asked.post("/generate", {"prompt": "hi"}, headers=bearer("ann"))
        salts.add(asked.engine.calls[0].cache_salt)
    assert len(salts) == 1


def test_a_full_queue_refuses_by_key(ask, tmp_path):
    path = write_keys(tmp_path / "keys", key_of("ann"), key_of("bob"))
    asked = ask(engine=ScriptedEngine(("</think>b",), refused_tenants=("ann",)), api_key_file=path)
    status = [
        asked.post("/v1/completions", {"prompt": "hi", "user": "x"}, headers=bearer(name)).status_code
        for name in ("ann", "bob")
    ]
    assert status == [429, 200]


def test_names_are_logged_and_keys_are_not(guarded, caplog):
    caplog.set_level(logging.DEBUG)
    guarded.get("/v1/models", headers=bearer("ann"))
    guarded.get("/v1/models", headers=bearer("eve"))
    guarded.get("/livez")
    lines = [record.getMessage() for record in caplog.records if record.name == "sampan.server"]
    assert [line.split()[-1] for line in lines] == ["ann", "-", "-"]
    assert not any(secret_of(name) in line or key_of(name).sha256 in line for line in lines for name in ("ann", "eve"))


def test_errors_never_show_what_was_sent(guarded):
    response = guarded.get(f"/v1/models/{secret_of('eve')}", headers=bearer("ann"))
    assert response.status_code == 404
    assert secret_of("eve") not in response.text


def test_the_key_leaves_the_environment(monkeypatch, caplog):
    monkeypatch.setenv("SAMPAN_API_KEY", "k" * 16)
    assert read_api_key("k" * 16) == digest_of(b"k" * 16).hex()
    assert read_api_key(None) == ""
    assert caplog.records == []
    read_api_key("j" * 16)
    assert "list of processes" in caplog.text
    assert "jjjj" not in caplog.text


def test_an_answer_is_reached_by_its_id_only_with_its_own_key(ask, tmp_path):
    asked = ask(
        engine=ScriptedEngine(["a" * 50], delay=0.05),
        api_key_file=write_keys(tmp_path / "keys", key_of("ann"), key_of("bob", role="admin")),
    )

    async def body() -> None:
        transport = httpx.ASGITransport(asked.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            fields = {"messages": [{"role": "user", "content": "hi"}], "request_id": "chosen"}
            path = "/v1/chat/completions"
            answering = asyncio.create_task(client.post(path, json=fields, headers=bearer("ann")))
            while not asked.engine.calls:
                await asyncio.sleep(0.001)
            answer_now = f"{path}/chatcmpl-chosen/answer_now"
            assert (await client.post(answer_now, headers=bearer("bob"))).status_code == 404
            assert (await client.post(path, json=fields, headers=bearer("ann"))).status_code == 400
            assert (await client.post(answer_now, headers=bearer("ann"))).status_code == 204
            others = await client.post(path, json={**fields, "max_tokens": 1}, headers=bearer("bob"))
            assert not answering.done()
            assert others.json()["id"] == (await answering).json()["id"] == "chatcmpl-chosen"

    asyncio.run(body())
