"""What the operator of a server wants to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import APIRouter

from sampan.cluster import ClusterState


def admin_routes(cluster: Callable[[], ClusterState]) -> APIRouter:
    """`GET /admin/status`."""
    router = APIRouter(prefix="/admin", tags=["admin"])

    @router.get("/status", summary="Supervisor, workers and engines: their processes, models and states")
    async def status() -> dict[str, Any]:
        state: dict[str, Any] = msgspec.to_builtins(cluster())
        return state

    return router
