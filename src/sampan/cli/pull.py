"""`sampan pull`."""

from __future__ import annotations

from typing import Annotated

from sampan.cli.options import Json
from sampan.cli.parameters import Argument, Option


def pull(
    *,
    name: Annotated[str, Argument("a name of `sampan list`, org/repo[@revision] or org/repo/file.gguf")],
    source: Annotated[str, Option("huggingface, modelscope, or a mirror's address")] = "huggingface",
    hub_endpoint: Annotated[str, Option("the hub's address, where it is another", metavar="URL")] = "",
    revision: Annotated[str, Option("a branch, tag or commit; unset: the newest")] = "",
    file: Annotated[str, Option("of a repository of .gguf files, this one")] = "",
    connections: Annotated[int, Option("at the same time, 1 to 32")] = 8,
    force: Annotated[bool, Option("replace what is here by what the hub has now")] = False,
    offline: Annotated[bool, Option("open no connection; fail if the model is not here")] = False,
    json: Json = False,
) -> int:
    """Fetches a model: weights, tokenizer, template and licence, each file checked by its hash.

    What was cut off goes on where it was when the same command runs again. Tokens come from the
    environment alone: HF_TOKEN, MODELSCOPE_API_TOKEN, or SAMPAN_HUB_TOKEN for a mirror.
    """
    from sampan.cli.download import Download, as_json, print_pulled
    from sampan.cli.output import print_json
    from sampan.errors import UsageError
    from sampan.hub import make_order
    from sampan.hub import pull as pull_model

    if not 1 <= connections <= 32:
        raise UsageError(f"--connections {connections} is out of range", remedy="give a number from 1 to 32")
    order = make_order(name, source=source, endpoint=hub_endpoint, revision=revision, file=file)
    with Download(order) as download:
        pulled = pull_model(order, download, connections=connections, force=force, offline=offline)
    if json:
        print_json(as_json(order, pulled))
    else:
        print_pulled(order, pulled)
    return 0
