"""Between server and engine: processes, and how requests reach an engine that may die.

Knows: requests as token ids, streams of outputs, life and death of engine and workers. Refuses to know: text, HTTP,
tensors. Names are loaded when they are first used, so that the supervisor's process stays small.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sampan.cluster.client import EngineClient, EngineStatus, OutputStream
    from sampan.cluster.control import ClusterState, EngineSpec
    from sampan.cluster.process_engine import ProcessEngine
    from sampan.cluster.supervisor import Supervisor

__all__ = [
    "ClusterState",
    "EngineClient",
    "EngineSpec",
    "EngineStatus",
    "OutputStream",
    "ProcessEngine",
    "Supervisor",
]

_HOMES = {
    "ClusterState": "control",
    "EngineClient": "client",
    "EngineSpec": "control",
    "EngineStatus": "client",
    "OutputStream": "client",
    "ProcessEngine": "process_engine",
    "Supervisor": "supervisor",
}


def __getattr__(name: str) -> object:
    """Loads a name (PEP 562)."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
