"""`sampan list`."""

from __future__ import annotations

from typing import Any

from sampan.cli.options import Json


def list_models(*, json: Json = False) -> int:
    """Shows the models that are here, and those that `sampan pull` fetches by name.

    Sizes in memory are estimates from the shapes, without the KV cache.
    """
    from sampan.cli.catalog import find_models
    from sampan.cli.output import print_json, print_table

    models = list(find_models())
    if json:
        print_json(models)
        return 0
    here = [model for model in models if model["present"]]
    print_table(HERE, [_here(model) for model in here], [None] * len(here), {"licence", "from"})
    others = [model for model in models if not model["present"]]
    if others:
        print()
        styles = [None if model["unfinished_bytes"] else "dim" for model in others]
        print_table(OTHERS, [_other(model) for model in others], styles, {"licence", "get it"})
    return 0


HERE = ("here", "parameters", "weights", "on disk", "licence", "from", "since")
OTHERS = ("not here", "parameters", "int8", "int4", "bf16", "licence", "get it")


def _here(model: dict[str, Any]) -> tuple[str, ...]:
    from sampan.cli.sizes import human_bytes

    came_from = f"{model['repository']} ({model['source']})" if model["repository"] else _origin(model)
    since = (model["pulled"] or "-")[:10]
    return (
        model["name"],
        _count(model),
        model["dtype"] or "?",
        human_bytes(model["disk_bytes"]),
        model["license"] or "?",
        came_from,
        since,
    )


def _origin(model: dict[str, Any]) -> str:
    from sampan.zoo import EMBEDDED_MODEL

    return "comes with Sampan" if model["name"] == EMBEDDED_MODEL else model["path"]


def _other(model: dict[str, Any]) -> tuple[str, ...]:
    from sampan.cli.catalog import PRECISIONS
    from sampan.cli.sizes import human_bytes

    sizes = [human_bytes(size) if (size := model["bytes"].get(precision)) else "?" for precision in PRECISIONS]
    if model["unfinished_bytes"] is not None:
        way = f"sampan pull {model['repository'] or model['name']} ({human_bytes(model['unfinished_bytes'])} are here)"
    else:
        way = f"sampan pull {model['name']}" if model["huggingface_id"] else "-"
    return (model["name"], _count(model), *sizes, model["license"] or "?", way)


def _count(model: dict[str, Any]) -> str:
    from sampan.cli.sizes import human_count

    return human_count(model["parameters"]) if model["parameters"] else "?"
