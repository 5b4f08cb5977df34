"""Probes. They need no key, cost nothing and tell nothing but the state."""

from __future__ import annotations

from fastapi import APIRouter

from sampan.errors import UnavailableError
from sampan.server.service import Service


def health_routes(service: Service) -> APIRouter:
    """`GET /livez`, `/readyz` and `/health`, the name that other servers have for the second."""
    router = APIRouter(tags=["health"])

    @router.get("/livez", summary="200 as long as the process answers")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz", summary="200 when a request would be answered now, else 503 with the reason")
    @router.get("/health", summary="The same as /readyz")
    async def readyz() -> dict[str, str]:
        if not service.is_ready:
            raise UnavailableError(f"Not ready: {service.reason}")
        return {"status": "ready"}

    return router
