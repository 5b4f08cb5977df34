"""`openai` for Node: `node/tour.js` sees the same answers that Python does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.clients
HERE = Path(__file__).parent / "node"


def test_the_tour(url: str) -> None:
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "openai").is_dir():
        pytest.skip("needs Node, and `npm install` in tests/clients/node")
    environment = {**os.environ, "BASE_URL": url}
    run = subprocess.run([node, "tour.js"], cwd=HERE, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout)
    messages = [{"role": "user", "content": "How do I reset the router?"}]
    question = {"messages": messages, "temperature": 0, "max_tokens": 200}
    (choice,) = httpx.post(f"{url}/chat/completions", json=question, timeout=60).json()["choices"]
    assert seen["content"] == seen["streamed"] == seen["helped"] == choice["message"]["content"]
    assert seen["finishReasons"] == [seen["finishReason"]] == [choice["finish_reason"]]
    assert set(seen["arguments"]) == {"kind"}
    assert seen["completionTokens"] == 4
    assert seen["models"][0] == "sampan-tiny"
    assert seen["refusal"] == [True, 400, "n"]
