"""Which model this server answers with. Its cards have the fields of OpenAI and those of Anthropic."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from fastapi import APIRouter

from sampan.server.openai.shapes import ModelCard, ModelList
from sampan.server.service import Service


def model_routes(service: Service) -> APIRouter:
    """`GET /v1/models` and `GET /v1/models/{id}`, where an id may hold slashes."""
    router = APIRouter(tags=["openai"])
    now = datetime.now(timezone.utc)
    created, created_at = int(now.timestamp()), now.isoformat(timespec="seconds")
    name, *_ = names = (service.config.served_model_name, *service.config.aliases)

    def card(model_id: str) -> dict[str, Any]:
        return {
            "id": model_id,
            "object": "model",
            "created": created,
            "owned_by": "sampan",
            "root": name,
            "parent": None,
            "max_model_len": service.engine.max_model_len,
            "license": service.config.model_license or None,
            "permission": [],
            "type": "model",
            "display_name": model_id,
            "created_at": created_at,
            "lifecycle": "active",
            "max_input_tokens": service.engine.max_model_len,
        }

    @router.get(
        "/v1/models", summary="The served model, once under each of its names", responses={200: {"model": ModelList}}
    )
    async def models() -> dict[str, Any]:
        pages = {"has_more": False, "first_id": names[0], "last_id": names[-1]}
        return {"object": "list", "data": [card(model_id) for model_id in names], **pages}

    @router.get("/v1/models/{model_id:path}", summary="One model's card", responses={200: {"model": ModelCard}})
    async def model(model_id: str) -> dict[str, Any]:
        return card(service.model_name(model_id))

    return router
