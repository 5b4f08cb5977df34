"""A server in a process of its own: `sampan serve` itself, or `python server_process.py SETTINGS`, which has the
scripted engine and no other process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY = "Sampan listening on "


@dataclass
class ServerProcess:
    """A started server and what it printed."""

    process: subprocess.Popen[str]
    line: str

    @property
    def url(self) -> str:
        return self.line.removeprefix(READY).strip()

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Sends a signal and waits. Returns the exit code and what else was printed on standard output."""
        self.process.send_signal(sig)
        rest, _ = self.process.communicate(timeout=60)
        return self.process.returncode, rest


@contextmanager
def started(arguments: Sequence[str], log: Path | None = None) -> Iterator[ServerProcess]:
    """Starts Python with these arguments and waits until the server says that it is ready. `log` takes what it logs."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).parent), *sys.path]))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    with log.open("w") if log is not None else nullcontext() as stderr:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    try:
        assert process.stdout is not None
        yield ServerProcess(process, process.stdout.readline())
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def scripted_server(**settings: Any) -> AbstractContextManager[ServerProcess]:
    """A server of this file on a free port. Settings are those of `ScriptedEngine`, and `config` of `ServerConfig`."""
    return started([__file__, json.dumps(settings)])


def sampan_serve(*arguments: str, log: Path | None = None) -> AbstractContextManager[ServerProcess]:
    """`sampan serve` on a free port."""
    return started(["-m", "sampan", "serve", *arguments, "--port", "0"], log)


def main(settings: dict[str, Any]) -> None:
    from sampan.config import ServerConfig
    from sampan.server import announce, bind_socket, create_app, run_server
    from scripted_engine import CHAT_TEMPLATE, TOKENIZER, ScriptedEngine

    config = ServerConfig(port=0, **settings.pop("config", {}))
    app = create_app(ScriptedEngine(**settings), TOKENIZER, CHAT_TEMPLATE, config)
    with bind_socket(config) as listener:
        run_server(app, listener, on_ready=lambda: announce(listener))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
