"""`sampan serve` as a process: one line when it is ready, and a clean end."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

from sampan.cli.serve import name_model
from sampan.config import ServerConfig


def test_serves_until_it_is_told_to_stop(model_folder, user_environment):
    command = [sys.executable, "-m", "sampan", "serve", model_folder, "--port", "0", "--served-model-name", "babel"]
    environment = user_environment | {"SAMPAN_DEFAULT_MAX_TOKENS": "4"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        try:
            line = server.stdout.readline()
            assert line.startswith("Sampan listening on http://127.0.0.1:")
            address = line.split()[-1]
            body = json.dumps({"model": "babel", "messages": [{"role": "user", "content": "hi"}]}).encode()
            request = urllib.request.Request(
                f"{address}/v1/chat/completions", body, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
            assert (answer["model"], answer["usage"]["completion_tokens"]) == ("babel", 4)
            os.kill(server.pid, signal.SIGTERM)
            rest, log = server.communicate(timeout=60)
        finally:
            server.kill()
    assert (server.returncode, rest) == (0, "")
    assert "Traceback" not in log


def test_a_model_answers_to_all_its_names():
    config = ServerConfig()
    named = name_model(config, "deepseek-r1-distill-qwen-7b", None)
    assert named.served_model_name == "deepseek-r1-distill-qwen-7b"
    assert named.aliases == ("qwen-7b", "r1-7b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B")
    assert named.model_license == "MIT over Apache-2.0"
    chosen = name_model(config, "deepseek-r1-distill-qwen-7b", "qwen-7b")
    assert chosen.served_model_name == "qwen-7b"
    assert chosen.aliases == ("deepseek-r1-distill-qwen-7b", "r1-7b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B")
    own = name_model(config, "my-model", None)
    assert (own.served_model_name, own.aliases) == ("my-model", ())
