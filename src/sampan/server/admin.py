"""What the operator of a server wants to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import APIRouter

from sampan.cluster import ClusterState, EngineClient


def admin_routes(cluster: Callable[[], ClusterState], engine: EngineClient) -> APIRouter:
    """`GET /admin/status`."""
    router = APIRouter(prefix="/admin", tags=["admin"])

    @router.get("/status", summary="Supervisor, workers and engines: their processes, models, states and load")
    async def status() -> dict[str, Any]:
        state: dict[str, Any] = msgspec.to_builtins(cluster())
        return {**state, "load": msgspec.structs.asdict(engine.status())}

    return router
