"""An engine dies under requests that read prompts: they go on, and get what they would have got."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np

from cluster_process import Cluster

RNG = np.random.default_rng(4)
PROMPTS: list[list[int]] = RNG.integers(0, 6000, (12, 1000)).tolist()
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/embeddings", {"input": PROMPTS, "encoding_format": "base64"}),
    ("/v1/completions", {"prompt": PROMPTS, "echo": True, "logprobs": 1, "max_tokens": 1, "temperature": 0}),
]


def post(url: str, path: str, body: dict[str, Any]) -> Any:
    answer = httpx.post(url + path, json=body, timeout=120).json()
    return answer.get("data") or answer["choices"]


def test_what_is_read_of_prompts_survives_engines(shared: Cluster) -> None:
    undisturbed = [post(shared.url, path, body) for path, body in REQUESTS]
    with ThreadPoolExecutor(len(REQUESTS)) as threads:
        answers = [threads.submit(post, shared.url, path, body) for path, body in REQUESTS]
        time.sleep(0.3)  # the whole work takes longer
        old = shared.engine()
        os.kill(old, signal.SIGKILL)
        shared.wait_for_another_engine(old)
        assert [answer.result() for answer in answers] == undisturbed
