"""Engine processes without a supervisor."""

from __future__ import annotations

import select
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sampan.cluster import EngineSpec
from sampan.cluster.child import Child
from sampan.cluster.control import EngineOrder, EngineReady, ModelInfo
from sampan.cluster.log import LogStyle

TIMEOUT = 60


@dataclass
class RunningEngine:
    """An engine that is ready."""

    endpoint: str
    model: ModelInfo
    child: Child


@contextmanager
def engine_process(
    spec: EngineSpec | None = None, module: str = "sampan.cluster.engine_process"
) -> Iterator[RunningEngine]:
    """Starts one and waits until it is ready; without a spec it has the embedded model."""
    with tempfile.TemporaryDirectory(prefix="sampan-test-") as folder:
        endpoint = f"ipc://{Path(folder) / 'engine.sock'}"
        order = EngineOrder(spec or EngineSpec(), endpoint, LogStyle("warning"))
        child = Child(module, msgspec.msgpack.encode(order))
        try:
            yield RunningEngine(endpoint, _model_of(child), child)
        finally:
            child.end()


def _model_of(child: Child) -> ModelInfo:
    ends = time.monotonic() + TIMEOUT
    while time.monotonic() < ends and child.poll() is None:
        select.select([child.channel], [], [], 1)
        for message in child.receive():
            if isinstance(message, EngineReady):
                return message.model
    raise AssertionError("the engine process did not become ready")
