"""The HTTP world: OpenAI's API, `POST /generate` and probes over one engine.

Knows requests, answers, streams, errors, limits, and how a server starts and stops. Refuses to know tensors, schedules
and where
a model comes from: `create_app` is handed an engine, a tokenizer and a chat template, and talks to them alone.
"""

from sampan.server.app import create_app
from sampan.server.run import bind_socket, run_server, url_of

__all__ = ["bind_socket", "create_app", "run_server", "url_of"]
