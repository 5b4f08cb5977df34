"""`POST /rerank` as Cohere, Jina and vLLM have it, and `POST /score` as vLLM has it."""

from __future__ import annotations

import time
import uuid
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sampan.errors import RequestError
from sampan.server.http.body import body_schema
from sampan.server.http.disconnect import unless_disconnected
from sampan.server.pooling.relevance import relevance
from sampan.server.pooling.requests import RerankRequest, ScoreRequest
from sampan.server.pooling.shapes import RerankResponse, ScoreResponse
from sampan.server.read_request import read_request
from sampan.server.respond import json_response
from sampan.server.service import Service

RERANK_PATHS = ("/rerank", "/v1/rerank", "/v2/rerank")
SCORE_PATHS = ("/score", "/v1/score")


def rerank_routes(service: Service) -> APIRouter:
    """Documents in the order of their relevance, and the scores alone."""
    router = APIRouter(tags=["rerank"])

    async def rerank(http: Request) -> Response:
        request = await read_request(http, service.config, RerankRequest)
        model = service.model_name(request.model)
        texts = [document if isinstance(document, str) else document.text for document in request.documents]
        work = relevance(
            service,
            [(request.query, text) for text in texts],
            request,
            cache_salt=request.cache_salt or "",
            max_document_tokens=request.max_tokens_per_doc,
        )
        found = await unless_disconnected(http.receive, work)
        best_first = sorted(range(len(texts)), key=lambda index: -found.scores[index])
        results: list[dict[str, Any]] = [
            {"index": index, "relevance_score": found.scores[index]} for index in best_first[: request.top_n]
        ]
        if request.return_documents is not False:
            for result in results:
                result["document"] = {"text": texts[result["index"]]}
        answer_id = f"rerank-{uuid.uuid4().hex}"
        return json_response({"id": answer_id, "model": model, "results": results, "usage": _usage(found.num_tokens)})

    async def score(http: Request) -> Response:
        request = await read_request(http, service.config, ScoreRequest)
        model = service.model_name(request.model)
        work = relevance(service, _pairs(request), request, cache_salt=request.cache_salt or "")
        found = await unless_disconnected(http.receive, work)
        body = {
            "id": f"score-{uuid.uuid4().hex}",
            "object": "list",
            "created": int(time.time()),
            "model": model,
            "data": [{"index": index, "object": "score", "score": value} for index, value in enumerate(found.scores)],
            "usage": _usage(found.num_tokens),
        }
        return json_response(body)

    for paths, route, summary, asked, answered in (
        (RERANK_PATHS, rerank, "Documents in the order of their relevance", RerankRequest, RerankResponse),
        (SCORE_PATHS, score, "How well two texts fit", ScoreRequest, ScoreResponse),
    ):
        for path in paths:
            extra = body_schema(asked)
            router.post(path, summary=summary, responses={200: {"model": answered}}, openapi_extra=extra)(route)
    return router


def _pairs(request: ScoreRequest) -> list[tuple[str, str]]:
    """Raises RequestError: there are neither one query nor as many as documents."""
    queries = [request.text_1] if isinstance(request.text_1, str) else request.text_1
    documents = [request.text_2] if isinstance(request.text_2, str) else request.text_2
    if len(queries) == 1:
        queries = queries * len(documents)
    if len(queries) != len(documents):
        raise RequestError(
            f"text_1 holds {len(queries)} texts and text_2 {len(documents)}",
            param="text_1",
            remedy="send one text, or as many as in text_2",
        )
    return list(zip(queries, documents, strict=True))


def _usage(num_tokens: int) -> dict[str, int]:
    return {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
