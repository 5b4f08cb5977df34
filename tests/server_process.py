"""A server in a process of its own.

`sampan serve` itself, or `python server_process.py ENGINE SETTINGS`, where ENGINE is `scripted` (answers are written
down in SETTINGS) or `random` (the real engine over a tiny random model).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
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
def started(arguments: Sequence[str]) -> Iterator[ServerProcess]:
    """Starts Python with these arguments and waits until the server says that it is ready."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).parent), *sys.path]))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield ServerProcess(process, process.stdout.readline())
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def server_process(engine: str, **settings: Any) -> AbstractContextManager[ServerProcess]:
    """A server of this file on a free port."""
    return started([__file__, engine, json.dumps(settings)])


def sampan_serve(*arguments: str) -> AbstractContextManager[ServerProcess]:
    """`sampan serve` on a free port."""
    return started(["-m", "sampan", "serve", *arguments, "--port", "0"])


def main(engine_name: str, settings: dict[str, Any]) -> None:
    from sampan.config import ServerConfig
    from sampan.server import create_app, run_server
    from scripted_engine import CHAT_TEMPLATE, TOKENIZER, ScriptedEngine

    config = ServerConfig(port=0, **settings.pop("config", {}))
    engine: Any = ScriptedEngine(**settings) if engine_name == "scripted" else random_engine()
    run_server(create_app(engine, TOKENIZER, CHAT_TEMPLATE, config), config)


def random_engine() -> Any:
    """The real engine, whose random model writes every byte and special token of the scripted engine's tokenizer."""
    from random_model import random_checkpoint
    from sampan.backends.paddle import PaddleBackend
    from sampan.cluster import ThreadEngine
    from sampan.config import EngineConfig, ModelConfig
    from sampan.engine.engine import Engine
    from scripted_engine import EOS, TOKENIZER

    config = ModelConfig("qwen2", 512, 64, 128, 2, 4, 2, 16, attention_bias=True, tie_word_embeddings=True)
    backend = PaddleBackend()
    backend.load(random_checkpoint(config), "fp32")
    backend.set_vocab_limit(TOKENIZER.vocab_size)
    backend.allocate_kv_cache(256, 16)
    engine = Engine(
        backend,
        EngineConfig(num_blocks=256),
        num_blocks=256,
        max_model_len=512,
        eos_token_ids=(EOS,),
        vocab_size=TOKENIZER.vocab_size,
    )
    return ThreadEngine(engine, config)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
