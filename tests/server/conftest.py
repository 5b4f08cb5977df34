"""Applications over a scripted engine, asked without a network."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from random_folder import write_random_model
from sampan import LLM
from sampan.cluster import EngineClient
from sampan.config import ServerConfig
from sampan.engine.sampling_params import SamplingParams
from sampan.server import bind_socket, create_app, run_server
from sampan.server.service import Service
from scripted_engine import CHAT_TEMPLATE, TOKENIZER, ScriptedEngine
from server_process import ServerProcess, sampan_serve

DEFAULTS = SamplingParams(temperature=0.6, top_p=0.95)


@dataclass
class Asked:
    """An application and its engine. Each request runs in an event loop of its own."""

    app: FastAPI
    engine: ScriptedEngine

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.request("POST", path, **({} if body is None else {"json": body}), **options)

    def chat(self, **fields: Any) -> httpx.Response:
        return self.post("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}], **fields})

    def stream(self, path: str = "/v1/chat/completions", **fields: Any) -> list[Any]:
        """The events of a stream, parsed; the bytes must have the exact shape of SSE."""
        body = {"stream": True, **fields}
        if "chat" in path:
            body.setdefault("messages", [{"role": "user", "content": "hi"}])
        response = self.post(path, body)
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["x-accel-buffering"] == "no"
        *events, end = response.content.split(b"\n\n")
        assert end == b""
        assert events.pop() == b"data: [DONE]"
        assert all(event.startswith(b"data: ") and b"\n" not in event for event in events)
        return [json.loads(event[6:]) for event in events]


Ask = Callable[..., Asked]


@pytest.fixture
def ask() -> Ask:
    """Makes an application from answers or an engine, and settings of the server."""

    def make(*answers: str, engine: Any = None, **config: Any) -> Asked:
        engine = engine or ScriptedEngine(answers or ("Thought.\n</think>\n\nAnswer.",))
        app = create_app(engine, TOKENIZER, CHAT_TEMPLATE, ServerConfig(**config), sampling_defaults=DEFAULTS)
        return Asked(app, engine)

    return make


@dataclass
class Live:
    """An application behind a real socket, in a thread of this process."""

    engine: Any
    service: Service
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def send(self, path: str, body: dict[str, Any]) -> socket.socket:
        """Sends a request over a connection of its own, which the caller closes."""
        data = json.dumps(body).encode()
        connection = socket.create_connection((self.host, self.port), timeout=20)
        head = (f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json")
        connection.sendall("\r\n".join((*head, f"Content-Length: {len(data)}", "", "")).encode() + data)
        return connection

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Waits for what another thread is about to do."""
        ends = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < ends
            time.sleep(0.005)


Serve = Callable[..., Live]


@pytest.fixture
def serve(ask: Ask) -> Iterator[Serve]:
    """Starts an application on a free port; ends it when the test does."""
    ends: list[Callable[[], None]] = []

    def start(engine: EngineClient, on_start: Callable[[], None] = lambda: None, **config: Any) -> Live:
        asked = ask(engine=engine, **config)
        service: Service = asked.app.state.service
        listener = bind_socket(ServerConfig(port=0))
        host, port = listener.getsockname()
        thread = threading.Thread(target=run_server, args=(asked.app, listener), kwargs={"on_start": on_start})
        thread.start()

        def end() -> None:
            service.draining = True
            thread.join(20)
            assert not thread.is_alive()

        ends.append(end)
        return Live(engine, service, host, port)

    yield start
    for end in ends:
        end()


@pytest.fixture(scope="module")
def llm(tmp_path_factory) -> LLM:
    """A random model in this process."""
    return LLM(str(write_random_model(tmp_path_factory.mktemp("models") / "random")))


@pytest.fixture(scope="module")
def server(llm: LLM) -> Iterator[ServerProcess]:
    """The same model behind `sampan serve`, under the name m."""
    with sampan_serve(str(llm.loaded.path), "--served-model-name", "m") as server:
        yield server
