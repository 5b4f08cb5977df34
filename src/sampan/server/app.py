"""Puts the application together from its parts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sampan.cluster import ClusterState, EngineClient
from sampan.config import ServerConfig
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import SampanError
from sampan.server.admin import admin_routes
from sampan.server.anthropic.routes import anthropic_routes
from sampan.server.generate.routes import generate_routes
from sampan.server.health import health_routes
from sampan.server.http.body import first_failure
from sampan.server.http.cors import Cors
from sampan.server.http.edge import Edge
from sampan.server.http.errors import error_kind, error_response, log_failure
from sampan.server.http.gate import Gate
from sampan.server.http.host_guard import HostGuard
from sampan.server.metrics import Recorder, metrics_routes
from sampan.server.ollama.routes import ollama_routes
from sampan.server.openai.chat import chat_routes
from sampan.server.openai.completions import completion_routes
from sampan.server.openai.models import model_routes
from sampan.server.openai.responses.routes import response_routes
from sampan.server.openapi import describe
from sampan.server.page import page_routes
from sampan.server.pooling.embeddings import embedding_routes
from sampan.server.pooling.rerank import rerank_routes
from sampan.server.security.authenticator import Authenticator
from sampan.server.security.guard import KeyGuard
from sampan.server.security.ledger import Ledger
from sampan.server.service import Service
from sampan.server.tokenize import tokenize_routes
from sampan.server.tracing import Tracer
from sampan.text import ChatTemplate, Tokenizer

VERSION_CHARS = 12  # of a model's version, as a label


def create_app(
    engine: EngineClient,
    tokenizer: Tokenizer,
    chat_template: ChatTemplate,
    config: ServerConfig,
    *,
    sampling_defaults: SamplingParams | None = None,
    cluster: Callable[[], ClusterState] | None = None,
    limits_fd: int | None = None,
    model_path: Path | None = None,
    model_version: str = "",
) -> FastAPI:
    """An application that answers with one model. Nothing is shared between two of them.

    Args:
        engine: runs the model. The application takes it over: it closes the engine when it shuts down.
        tokenizer: of the same model.
        chat_template: of the same model.
        config: names, limits and habits.
        sampling_defaults: how tokens are drawn where a request says nothing: what the model recommends. How many is for
            `config.default_max_tokens` to say.
        limits_fd: of the table in which workers share what keys have used; None makes one for this application alone.
        model_path: the model's folder or file; its size is told to who asks.
        model_version: tells revisions of the model apart.
        cluster: tells of all processes, where there are several; `/admin/status` shows it.
    """
    defaults = replace(sampling_defaults or SamplingParams(), max_tokens=config.default_max_tokens)
    recorder = Recorder(config.served_model_name, model_version[:VERSION_CHARS], engine.max_model_len)
    service = Service(engine, tokenizer, chat_template, config, defaults, recorder)

    tracer = Tracer(config.otel_endpoint, config.served_model_name) if config.otel_endpoint else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with recorder.kept_up_to_date():
            yield
            await service.close()
            if tracer is not None:
                await asyncio.to_thread(tracer.close)

    # The documentation pages of FastAPI load scripts from other sites; /openapi.json says the same.
    app = FastAPI(
        title="Sampan",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # nobody is told who asks
    )
    app.state.service = service
    for routes in (
        generate_routes,
        chat_routes,
        completion_routes,
        response_routes,
        embedding_routes,
        rerank_routes,
        model_routes,
        anthropic_routes,
        tokenize_routes,
        health_routes,
    ):
        app.include_router(routes(service))
    app.include_router(ollama_routes(service, model_path))
    if cluster is not None:
        app.include_router(admin_routes(cluster, engine))
    app.include_router(metrics_routes(recorder, engine, lambda: service.is_ready, cluster, config.metrics_alias))
    app.include_router(page_routes())
    describe(app, service)
    for error_class in (SampanError, HTTPException, RequestValidationError):
        app.add_exception_handler(error_class, _answer_error)
    app.add_middleware(Gate, engine=engine, config=config)
    if config.has_keys:
        ledger = Ledger(os.memfd_create("sampan-limits") if limits_fd is None else limits_fd)
        app.add_middleware(KeyGuard, authenticator=Authenticator(config), ledger=ledger)
    if config.cors_origins:
        app.add_middleware(Cors, config=config)
    app.add_middleware(HostGuard, config=config)
    app.add_middleware(Edge, on_response=recorder.count_response, tracer=tracer)  # added last: outermost
    return app


async def _answer_error(request: Request, error: Exception) -> Response:
    if isinstance(error, RequestValidationError):  # FastAPI's own answer is 422 and repeats what was sent
        error = first_failure(error.errors())
    if isinstance(error, HTTPException) and error.status_code == 404:
        error = HTTPException(404, "There is no such path. GET /openapi.json lists those that there are")
    if error_kind(error).hidden:
        log_failure(request.state.request_id, error)
    return error_response(error)
