"""`sampan serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from sampan.cli.options import Engine, Model
from sampan.cli.parameters import Option

if TYPE_CHECKING:
    from sampan.config import ServerConfig


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
    insecure: Annotated[bool, Option("permit addresses that others can reach; there are no API keys yet")] = False,
    allowed_host: Annotated[
        tuple[str, ...], Option("another name that requests may call this server by", metavar="NAME")
    ] = (),
    served_model_name: Annotated[str | None, Option("the model's id in requests and answers", metavar="NAME")] = None,
    default_max_tokens: Annotated[int | None, Option("most tokens of an answer where the request says nothing")] = None,
    reasoning_format: Annotated[
        str, Option("field of the thought; or both, or none", metavar="FIELD")
    ] = "reasoning_content",
    log_level: Annotated[
        str, Option("of the log", metavar="LEVEL", choices=("debug", "info", "warning", "error"))
    ] = "info",
    engine: Engine,
    batching: Batching,
) -> int:
    """Answers over HTTP: OpenAI's /v1/chat/completions and /v1/completions, and POST /generate.

    Prints one line, `Sampan listening on http://HOST:PORT`, once it is ready.
    SIGTERM or Ctrl-C lets open answers finish; a second one cuts them.
    """
    import logging

    from sampan.cluster import ThreadEngine
    from sampan.config import ServerConfig
    from sampan.server import bind_socket, create_app, run_server

    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = ServerConfig(
        host=host,
        port=port,
        default_max_tokens=default_max_tokens,
        reasoning_format=reasoning_format,
        allow_remote=insecure,
        allowed_hosts=allowed_host,
    )
    with bind_socket(config) as listener:  # before the model is loaded: a port in use is known at once
        loaded = engine.open(model, **batching._asdict()).loaded
        app = create_app(
            ThreadEngine(loaded.engine, loaded.config),
            loaded.tokenizer,
            loaded.chat_template,
            name_model(config, loaded.name, served_model_name),
            sampling_defaults=loaded.sampling_defaults,
        )
        run_server(app, config, listener=listener)
    return 0


def name_model(config: ServerConfig, name: str, served_name: str | None) -> ServerConfig:
    """What requests may call the model: the name that the user chose, or its own, and those that the zoo has for it."""
    from dataclasses import replace

    from sampan.errors import UnknownModelError
    from sampan.zoo import find

    chosen = served_name or name
    try:
        entry = find(name)
    except UnknownModelError:
        return replace(config, served_model_name=chosen)
    spellings = (entry.name, *entry.aliases, entry.huggingface_id)
    aliases = tuple(spelling for spelling in spellings if spelling not in ("", chosen))
    return replace(config, served_model_name=chosen, aliases=aliases, model_license=entry.license_notice)
