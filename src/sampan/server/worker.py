"""An API worker: `python -m sampan.server.worker FD LISTENER_FD LIMITS_FD`, one of several processes that share a
listening socket, an engine, and what API keys have used of their limits. FD is its end of the supervisor's control
channel."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

from sampan.cluster import ClusterState, ProcessEngine
from sampan.cluster.control import Channel, ModelInfo, Situation, WorkerReady
from sampan.cluster.garbage import spare_what_is_loaded
from sampan.cluster.lifeline import attach
from sampan.cluster.log import start_log
from sampan.engine.generation_config import read_sampling_defaults
from sampan.errors import EngineError
from sampan.server.app import create_app
from sampan.server.naming import name_model
from sampan.server.run import run_server
from sampan.server.worker_order import WorkerOrder
from sampan.text import ChatTemplate, Tokenizer

ORPHANED = 1  # exit code


class Worker:
    """The supervisor's word, carried out.

    Args:
        channel: to the supervisor.
        situation: as it is now; its engine is ready.
        model: that engine's.
    """

    def __init__(self, channel: Channel, situation: Situation, model: ModelInfo) -> None:
        self.engine = ProcessEngine(model.config, model.max_model_len)
        self._channel = channel
        self._situation = situation

    def cluster(self) -> ClusterState:
        """All processes, as the supervisor last told."""
        return self._situation.cluster

    def follow(self) -> None:
        """From now on, in the running event loop, acts upon what the supervisor says."""
        self._act()
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self._listen)

    def report_ready(self) -> None:
        """Tells the supervisor that requests are answered here."""
        self._channel.send(WorkerReady())

    def _listen(self) -> None:
        try:
            while (situation := self._channel.receive()) is not None:
                self._situation = situation
                self._act()
        except EOFError:
            os._exit(ORPHANED)

    def _act(self) -> None:
        if self._situation.failure is not None:
            self.engine.fail(EngineError(self._situation.failure))
        else:
            self.engine.connect(self._situation.endpoint)


def main(fd: int, listener_fd: int, limits_fd: int) -> int:
    """Waits until the engine is ready, then serves until the supervisor says stop."""
    channel = attach(fd, WorkerOrder | Situation)
    try:
        order: WorkerOrder = channel.wait()
        start_log(order.log)
        situation: Situation = channel.wait()
        while situation.model is None:
            situation = channel.wait()
    except EOFError:
        return ORPHANED
    model = situation.model
    tokenizer = Tokenizer.from_dir(Path(model.path))
    worker = Worker(channel, situation, model)
    app = create_app(
        worker.engine,
        tokenizer,
        ChatTemplate(tokenizer),
        name_model(order.config, model.name, order.served_model_name),
        sampling_defaults=read_sampling_defaults(Path(model.path)),
        cluster=worker.cluster,
        limits_fd=limits_fd,
        model_path=Path(model.path),
        model_version=model.version,
    )
    spare_what_is_loaded()
    with socket.socket(fileno=listener_fd) as listener:
        run_server(app, listener, on_start=worker.follow, on_ready=worker.report_ready)
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
