"""What must be true of a server whatever was done to it: it answers as before, with the same processes, and has let go
of all that it held."""

from __future__ import annotations

import json
from typing import Any

import httpx
import psutil

from cluster_process import TIMEOUT, Cluster, wait_until

MAX_GROWTH = 100e6  # bytes
CANARY: dict[str, Any] = {"prompt": "The harbour is", "temperature": 0, "max_tokens": 12, "logprobs": 2}


def canary(client: httpx.Client) -> bytes:
    """A fixed greedy answer, with its log-probabilities: what differs by one bit somewhere differs here."""
    response = client.post("/v1/completions", json=CANARY)
    assert response.status_code == 200, response.text
    return json.dumps(response.json()["choices"]).encode()


class Unharmed:
    """What a warm server is like; `check` compares."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._client = httpx.Client(base_url=cluster.url, timeout=TIMEOUT)
        self.canary = canary(self._client)
        wait_until(self._is_idle)
        self._processes = cluster.processes()
        self._memory = self._resident()

    def check(self) -> None:
        """Asserts that nothing has changed."""
        assert self._cluster.ready() == 200
        assert canary(self._client) == self.canary
        assert self._cluster.processes() == self._processes
        wait_until(self._is_idle)
        assert self._resident() - self._memory < MAX_GROWTH

    def _is_idle(self) -> bool:
        load = self._cluster.status()["load"]
        return load["num_running"] == load["num_waiting"] == 0 and load["num_free_blocks"] == load["num_blocks"]

    def _resident(self) -> int:
        return sum(psutil.Process(pid).memory_info().rss for pid in self._processes)
