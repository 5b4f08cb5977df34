"""A hub of the test's own, and the `sampan` command that knows no other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub_server import HubServer

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def user_environment(hub: HubServer, home: Path) -> dict[str, str]:
    """That of a user whose hubs are both `hub`."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    endpoints = {"HF_ENDPOINT": hub.endpoint, "MODELSCOPE_DOMAIN": hub.endpoint}
    return kept | endpoints | {"SAMPAN_HOME": str(home), "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def sampan(user_environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `python -m sampan` to its end."""

    def sampan(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sampan", *map(str, words)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            env=user_environment | environment,
            check=False,
        )

    return sampan


@pytest.fixture
def in_process(hub: HubServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same environment for pulls that run in the test's own process."""
    for name in list(os.environ):
        if name.startswith(("SAMPAN_", "HF_", "MODELSCOPE_")) or name.lower() in PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("SAMPAN_HOME", str(home))
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    monkeypatch.setenv("MODELSCOPE_DOMAIN", hub.endpoint)
