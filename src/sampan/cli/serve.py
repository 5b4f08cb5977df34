"""`sampan serve`."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from sampan.cli.options import Engine, Model
from sampan.cli.parameters import Option


class Security(NamedTuple):
    """Security."""

    api_key_file: Annotated[str | None, Option("ask for API keys; see sampan key", metavar="FILE")] = None
    api_key: Annotated[str | None, Option("ask for this one key; better by SAMPAN_API_KEY", metavar="KEY")] = None
    insecure: Annotated[bool, Option("permit addresses that others can reach without API keys")] = False
    tls_cert: Annotated[str | None, Option("certificate, PEM: serve https", metavar="FILE")] = None
    tls_key: Annotated[str | None, Option("its private key, PEM", metavar="FILE")] = None
    cors_origin: Annotated[
        tuple[str, ...], Option("pages of this origin may use the server; * with keys", metavar="ORIGIN")
    ] = ()
    allowed_host: Annotated[
        tuple[str, ...], Option("another name that requests may call this server by", metavar="NAME")
    ] = ()


class Logging(NamedTuple):
    """Logging."""

    log_level: Annotated[str, Option("of the log", metavar="LEVEL", choices=("debug", "info", "warning", "error"))] = (
        "info"
    )
    log_format: Annotated[str, Option("of the log", metavar="FORMAT", choices=("console", "json"))] = "console"
    log_prompts: Annotated[bool, Option("log prompts and answers too")] = False
    otel_endpoint: Annotated[str, Option("send OTLP traces there: http://127.0.0.1:4318", metavar="URL")] = ""


class Batching(NamedTuple):
    """Batching."""

    max_num_seqs: Annotated[int, Option("requests that run at the same time")] = 64
    max_num_batched_tokens: Annotated[int, Option("tokens computed in one step, over all requests")] = 512
    max_num_waiting: Annotated[int, Option("requests that may wait before others are refused")] = 1024
    max_num_waiting_tokens: Annotated[int, Option("tokens that their prompts may have together")] = 131072
    num_blocks: Annotated[int | None, Option("KV-cache blocks of 16 tokens; unset: as memory allows")] = None
    enable_prefix_caching: Annotated[bool, Option("do not share the KV blocks of equal prompt beginnings")] = True


def serve(
    *,
    model: Model = None,
    host: Annotated[str, Option("address to listen on", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, Option("port to listen on; 0 takes any free one")] = 8000,
    served_model_name: Annotated[str | None, Option("the model's id in requests and answers", metavar="NAME")] = None,
    default_max_tokens: Annotated[int | None, Option("most tokens of an answer where the request says nothing")] = None,
    reasoning_format: Annotated[
        str, Option("field of the thought; or both, or none", metavar="FIELD")
    ] = "reasoning_content",
    default_chat_template_kwargs: Annotated[
        str | None, Option("variables of the chat template where a request says nothing of them", metavar="JSON")
    ] = None,
    metrics_alias: Annotated[
        str, Option("say the numbers of /metrics in its words too", metavar="NAME", choices=("vllm",))
    ] = "",
    workers: Annotated[int, Option("processes that speak HTTP, all with the one engine")] = 1,
    drain_timeout: Annotated[float, Option("seconds that open answers may take at shutdown")] = 300.0,
    logging: Logging,
    security: Security,
    engine: Engine,
    batching: Batching,
) -> int:
    """Answers over HTTP: OpenAI's /v1/chat/completions and /v1/completions, and POST /generate.

    Prints one line, `Sampan listening on http://HOST:PORT`, once it is ready.
    SIGTERM or Ctrl-C lets open answers finish; a second one cuts them.
    """
    import os

    import msgspec

    from sampan.cli.progress import progress
    from sampan.cluster import Supervisor
    from sampan.cluster.log import LogStyle, start_log
    from sampan.config import ServerConfig
    from sampan.server import WorkerOrder, announce, bind_socket
    from sampan.server.security.operator_key import read_api_key
    from sampan.server.security.preflight import check_files
    from sampan.server.tracing import check_tracing
    from sampan.server.worker_order import METRICS_DIRECTORY

    log = LogStyle(logging.log_level, logging.log_format)
    start_log(log)
    config = ServerConfig(
        host=host,
        port=port,
        default_max_tokens=default_max_tokens,
        reasoning_format=reasoning_format,
        default_chat_template_kwargs=_template_kwargs(default_chat_template_kwargs),
        api_key_file=security.api_key_file or "",
        api_key_sha256=read_api_key(security.api_key),
        allow_remote=security.insecure,
        allowed_hosts=security.allowed_host,
        cors_origins=security.cors_origin,
        tls_cert=security.tls_cert or "",
        tls_key=security.tls_key or "",
        metrics_alias=metrics_alias,
        log_prompts=logging.log_prompts,
        otel_endpoint=logging.otel_endpoint,
        workers=workers,
        drain_timeout_seconds=drain_timeout,
    )
    check_files(config)
    check_tracing(config)
    with bind_socket(config) as listener:  # before the model is loaded: a port in use is known at once
        supervisor = Supervisor(
            engine.spec(model, **batching._asdict()),
            log=log,
            worker_module="sampan.server.worker",
            worker_order=msgspec.msgpack.encode(WorkerOrder(config, served_model_name, log)),
            inherited=(listener.fileno(), os.memfd_create("sampan-limits")),  # the latter is the workers' `Ledger`
            num_workers=config.workers,
            drain_seconds=config.drain_timeout_seconds,
        )
        with supervisor:
            counts = supervisor.directory / "counts"
            counts.mkdir()
            os.environ[METRICS_DIRECTORY] = str(counts)  # for workers, which share what they count
            with progress(f"Loading {model or 'sampan-tiny'}") as report:
                started = supervisor.start(report)
            if started:
                announce(listener, tls=config.has_tls)
                supervisor.run()
    return 0


def _template_kwargs(text: str | None) -> dict[str, Any]:
    """
    Raises:
        ConfigError: it is no JSON object.
    """
    import json

    from sampan.errors import ConfigError

    try:
        kwargs = json.loads(text or "{}")
    except ValueError:
        kwargs = None
    if not isinstance(kwargs, dict):
        remedy = """write it like '{"enable_thinking": false}'"""
        raise ConfigError("default_chat_template_kwargs is no JSON object", remedy=remedy)
    return kwargs
