"""The engine process: `python -m sampan.cluster.engine_process FD`, where FD is its end of the control channel."""

from __future__ import annotations

import os
import signal
import sys

import msgspec

from sampan.cluster.control import Channel, EngineOrder, EngineReady, ErrorParts, LoadFailed, LoadProgress, ModelInfo
from sampan.cluster.engine_loop import EngineLoop
from sampan.cluster.garbage import spare_what_is_loaded
from sampan.cluster.lifeline import attach
from sampan.cluster.log import start_log
from sampan.cluster.step_watch import StepWatch
from sampan.engine.loader import LoadedModel, load_model
from sampan.errors import SampanError


def main(fd: int) -> int:
    """Loads what the supervisor orders and serves until it is ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the supervisor to act upon
    channel = attach(fd, EngineOrder)
    try:
        order = channel.wait()
    except EOFError:
        return 0
    start_log(order.log)
    watch = StepWatch(channel)
    watch.start()
    try:
        loaded = load(order, channel)
    except SampanError as error:
        channel.send(LoadFailed(ErrorParts.of(error)))
        return error.exit_code
    serve(loaded, order.endpoint, channel, watch)
    return 0


def load(order: EngineOrder, channel: Channel) -> LoadedModel:
    """The model, with the supervisor told how far it is."""

    def tell(what: str, done: int, total: int) -> None:
        channel.send(LoadProgress(what, done, total))

    return load_model(**msgspec.structs.asdict(order.spec), progress=tell)


def serve(loaded: LoadedModel, endpoint: str, channel: Channel, watch: StepWatch) -> None:
    """Binds the endpoint, says so, and steps."""
    loop = EngineLoop(loaded.engine, endpoint, watch)
    os.chmod(endpoint.removeprefix("ipc://"), 0o600)
    watch.watch(loaded.engine)
    spare_what_is_loaded()
    model = ModelInfo(loaded.name, str(loaded.path), loaded.engine.revision, loaded.config, loaded.engine.max_model_len)
    channel.send(EngineReady(model))
    loop.run()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
