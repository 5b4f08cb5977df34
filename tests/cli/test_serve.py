"""`sampan serve` as a process: one line when it is ready, and a clean end."""

import json
import os
import signal
import subprocess
import sys
import urllib.request


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
