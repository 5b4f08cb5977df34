"""The HTTP world: OpenAI's API, `POST /generate` and probes over one engine.

Knows requests, answers, streams, errors, limits, and how a server starts and stops. Refuses to know tensors, schedules
and where a model comes from: `create_app` is handed an engine, a tokenizer and a chat template, and talks to them
alone; `worker` is the process that hands them over. Names are loaded when they are first used, so that the supervisor
does without HTTP libraries.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sampan.server.app import create_app
    from sampan.server.http.listener import announce, bind_socket, url_of
    from sampan.server.run import run_server
    from sampan.server.worker_order import WorkerOrder

__all__ = ["WorkerOrder", "announce", "bind_socket", "create_app", "run_server", "url_of"]

_HOMES = {
    "WorkerOrder": "worker_order",
    "announce": "http.listener",
    "bind_socket": "http.listener",
    "create_app": "app",
    "run_server": "run",
    "url_of": "http.listener",
}


def __getattr__(name: str) -> object:
    """Loads a name (PEP 562)."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
