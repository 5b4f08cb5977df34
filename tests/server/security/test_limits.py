"""What a key may use: exactly so much, in one process and in several."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from key_files import bearer, key_of, write_keys
from sampan.errors import OverloadedError
from sampan.server.security import account as module
from sampan.server.security.account import Account, is_limited
from sampan.server.security.ledger import NUM_ROWS, Ledger
from scripted_engine import ScriptedEngine


@pytest.fixture
def clock(monkeypatch):
    """Seconds, and the tests say how many."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def ledger():
    fd = os.memfd_create("limits")
    yield Ledger(fd)
    os.close(fd)


def use(key, ledger, num_tokens=0):
    """One request; None where it is let in, else how long to wait."""
    try:
        with Account(key, ledger) as account:
            account.charge(num_tokens)
    except OverloadedError as error:
        return error.retry_after


def test_requests_a_minute(ledger, clock):
    key = key_of("ann", requests_per_minute=3)
    assert [use(key, ledger) for _ in range(5)] == [None, None, None, 20.0, 20.0]
    clock[0] += 19
    assert use(key, ledger) == pytest.approx(1)
    clock[0] += 1.001
    assert [use(key, ledger) for _ in range(2)] == [None, pytest.approx(19.999)]
    clock[0] += 3600  # a quiet hour is worth a minute
    assert [use(key, ledger) for _ in range(4)] == [None, None, None, 20.0]
    assert use(key_of("bob", requests_per_minute=3), ledger) is None


def test_tokens_a_minute(ledger, clock):
    key = key_of("ann", tokens_per_minute=60)
    assert use(key, ledger, 59) is None
    assert use(key, ledger, 61) is None  # it was within the limit when it began
    assert use(key, ledger) == pytest.approx(60)
    clock[0] += 60.5
    assert use(key, ledger) is None


def test_concurrent_requests(ledger):
    key = key_of("ann", concurrent_requests=2)
    with Account(key, ledger), Account(key, ledger):
        assert use(key, ledger) == 1.0
        assert use(key_of("bob", concurrent_requests=1), ledger) is None
    assert use(key, ledger) is None


def test_a_refused_request_uses_nothing(ledger, clock):
    key = key_of("ann", concurrent_requests=1, requests_per_minute=2)
    with Account(key, ledger):
        assert [use(key, ledger) for _ in range(10)] == [1.0] * 10
    assert [use(key, ledger) for _ in range(2)] == [None, 30.0]


def test_a_request_ends_when_it_fails(ledger):
    key = key_of("ann", concurrent_requests=1)
    with pytest.raises(KeyError), Account(key, ledger):
        raise KeyError
    assert use(key, ledger) is None


def test_what_needs_no_account():
    assert not is_limited(key_of("ann"))
    for limit in ("requests_per_minute", "tokens_per_minute", "concurrent_requests"):
        assert is_limited(key_of("ann", **{limit: 1}))


def test_rows_of_keys_that_came_and_went_are_used_again(ledger, clock):
    def digest(number):
        return number.to_bytes(32, "little")

    with ledger.locked():
        assert [int(ledger.row(digest(number), 0.0)["id"][0]) for number in (1, 2, 1)] == [1, 2, 1]
        ledger._rows["id"][:, 0] = np.arange(1, NUM_ROWS + 1)
        ledger._rows["tokens_paid_until"] = 200.0
        assert ledger.row(digest(NUM_ROWS + 1), 199.0) is None
        ledger._rows["num_open"][:, 5] = 1
        assert ledger.row(digest(NUM_ROWS + 1), 201.0) is None
        ledger._rows["num_open"][7] = 0
        row = ledger.row(digest(NUM_ROWS + 1), 201.0)
        assert (row["tokens_paid_until"], ledger._rows["id"][7][0]) == (0.0, NUM_ROWS + 1)


HOLD = """
import os, sys
from key_files import key_of
from sampan.server.security.account import Account
from sampan.server.security.ledger import Ledger
account = Account(key_of("ann", concurrent_requests=2), Ledger(int(sys.argv[1])))
account.__enter__()
print("open", flush=True)
sys.stdin.read()
os._exit(9)
"""


def test_a_process_that_dies_gives_back_what_it_held(ledger):
    """Kernel locks say who is gone: the next process takes its column over."""
    path = os.pathsep.join(sys.path)

    def hold():
        return subprocess.Popen(
            [sys.executable, "-c", HOLD, str(ledger._fd)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(ledger._fd,),
            env={**os.environ, "PYTHONPATH": path},
        )

    key = key_of("ann", concurrent_requests=2)
    with hold() as first:
        assert first.stdout.readline() == b"open\n"
        with hold() as second:
            assert second.stdout.readline() == b"open\n"
            assert use(key, ledger) == 1.0
            second.kill()
        with hold() as third:
            assert third.stdout.readline() == b"open\n"
            assert use(key, ledger) == 1.0
            counts = np.array(ledger._rows["num_open"].sum(axis=0))
            assert counts.tolist()[:4] == [0, 1, 1, 0]


def test_over_http(ask, tmp_path):
    path = write_keys(tmp_path / "keys", key_of("ann", requests_per_minute=2), key_of("bob"))
    asked = ask(api_key_file=path)
    status = [asked.get("/v1/models", headers=bearer("ann")).status_code for _ in range(2)]
    refused = asked.post("/v1/completions", {"prompt": "hi"}, headers=bearer("ann"))
    assert [*status, refused.status_code, refused.headers["retry-after"]] == [200, 200, 429, "30"]
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert "2 requests a minute" in refused.json()["error"]["message"]
    assert asked.get("/v1/models", headers=bearer("bob")).status_code == 200
    assert asked.get("/livez").status_code == 200


@pytest.mark.parametrize(
    ("path", "stream"), [("/v1/completions", False), ("/v1/completions", True), ("/generate", False)]
)
def test_answers_are_charged(ask, tmp_path, path, stream):
    keys = write_keys(tmp_path / "keys", key_of("ann", tokens_per_minute=20))
    asked = ask("</think>" + "x" * 30, api_key_file=keys)
    status = [asked.post(path, {"prompt": "hi", "stream": stream}, headers=bearer("ann")).status_code for _ in range(2)]
    assert status == [200, 429]


def test_open_requests_are_counted_until_their_end(serve, tmp_path):
    keys = write_keys(tmp_path / "keys", key_of("ann", concurrent_requests=3))
    live = serve(ScriptedEngine(["</think>" + "x" * 20], delay=0.05), api_key_file=keys)

    def ask(_):
        body = {"prompt": "hi"}
        return httpx.post(f"{live.url}/v1/completions", json=body, headers=bearer("ann"), timeout=60).status_code

    with ThreadPoolExecutor(9) as threads:
        status = sorted(threads.map(ask, range(9)))
    assert status == [200] * 3 + [429] * 6
    assert ask(0) == 200


def test_a_client_that_leaves_has_no_request_open(serve, tmp_path):
    keys = write_keys(tmp_path / "keys", key_of("ann", concurrent_requests=1))
    live = serve(ScriptedEngine(delay=3600), api_key_file=keys)

    async def leave():
        async with httpx.AsyncClient(base_url=live.url, headers=bearer("ann")) as client:
            for _ in range(3):
                with pytest.raises(httpx.ReadTimeout):
                    await client.post("/v1/completions", json={"prompt": "hi"}, timeout=0.2)
                for _ in range(400):
                    if (await client.get("/v1/models")).status_code == 200:
                        break
                    await asyncio.sleep(0.01)
                else:
                    pytest.fail("the request is still counted")

    asyncio.run(leave())
