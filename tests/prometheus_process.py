"""A real Prometheus, as scripts/install_prometheus.sh finds or fetches it."""

from __future__ import annotations

import math
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from cluster_process import wait_until

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = f"{os.environ['PATH']}{os.pathsep}{ROOT / '.venv' / 'prometheus' / 'usr' / 'bin'}"


def program(name: str) -> str:
    """`prometheus` or `promtool`; the test is skipped where there is none."""
    found = shutil.which(name, path=FOLDERS)
    if found is None:
        pytest.skip(f"there is no {name}: scripts/install_prometheus.sh fetches Debian's")
    return found


@dataclass(frozen=True)
class Prometheus:
    """One that runs."""

    client: httpx.Client

    def get(self, path: str, **parameters: Any) -> Any:
        """`data` of an answer of its HTTP API."""
        answer = self.client.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def numbers(self, expr: str) -> list[float]:
        """What a query comes to now, without what is no number."""
        values = (float(sample["value"][1]) for sample in self.get("query", query=expr)["result"])
        return [value for value in values if not math.isnan(value)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def prometheus(config: dict[str, Any], folder: Path) -> Iterator[Prometheus]:
    """Starts one with this configuration, and waits until it is ready."""
    file, port, command = folder / "prometheus.yml", free_port(), program("prometheus")
    file.write_text(yaml.safe_dump(config))
    arguments = [
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log, client = (folder / "log").open("wb"), httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20.0)
    with log, client, subprocess.Popen([command, *arguments], stdout=log, stderr=log, cwd=folder) as process:

        def is_ready() -> bool:
            assert process.poll() is None, (folder / "log").read_text()
            try:
                return client.get("/-/ready").status_code == 200
            except httpx.TransportError:
                return False

        try:
            wait_until(is_ready)
            yield Prometheus(client)
        finally:
            process.terminate()
