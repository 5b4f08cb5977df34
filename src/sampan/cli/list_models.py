"""`sampan list`."""

from __future__ import annotations

from typing import Any

from sampan.cli.options import Json

HERE = ("here", "parameters", "weights", "on disk", "licence", "from", "since")
BEGUN = ("unfinished", "has come", "of", "go on with")
TO_PULL = ("to pull", "parameters", "int8", "int4", "bf16", "licence")


def list_models(*, json: Json = False) -> int:
    """Shows the models that are here, pulls that were stopped, and what `sampan pull` knows by name.

    Sizes in memory are those of the weights, without the KV cache.
    """
    from sampan.cli.catalog import find_models
    from sampan.cli.output import print_json, print_table

    models = list(find_models())
    if json:
        print_json(models)
        return 0
    here = [model for model in models if model["present"]]
    begun = [model for model in models if model["unfinished"]]
    others = [model for model in models if not model["present"] and not model["unfinished"]]
    print_table(HERE, [_here(model) for model in here], [None] * len(here), {"licence", "from"})
    if begun:
        print()
        print_table(BEGUN, [_begun(model) for model in begun], [None] * len(begun), ())
    print()
    print_table(TO_PULL, [_to_pull(model) for model in others], ["dim"] * len(others), {"licence"})
    return 0


def _here(model: dict[str, Any]) -> tuple[str, ...]:
    from sampan.cli.sizes import human_bytes
    from sampan.zoo import EMBEDDED_MODEL

    if model["name"] == EMBEDDED_MODEL:
        origin = "comes with Sampan"
    else:
        origin = f"{model['repository']} ({model['source']})" if model["repository"] else model["path"]
    size, since = human_bytes(model["disk_bytes"]), (model["pulled"] or "-")[:10]
    return model["name"], _count(model), model["dtype"] or "?", size, model["license"] or "?", origin, since


def _begun(model: dict[str, Any]) -> tuple[str, ...]:
    from sampan.cli.sizes import human_bytes

    here, total = model["unfinished"].values()
    what = model["name"] if model["huggingface_id"] else model["repository"] or model["name"]
    return model["name"], human_bytes(here), human_bytes(total) if total else "?", f"sampan pull {what}"


def _to_pull(model: dict[str, Any]) -> tuple[str, ...]:
    from sampan.cli.catalog import PRECISIONS
    from sampan.cli.sizes import human_bytes

    sizes = [human_bytes(size) if (size := model["bytes"].get(precision)) else "?" for precision in PRECISIONS]
    return model["name"], _count(model), *sizes, model["license"] or "?"


def _count(model: dict[str, Any]) -> str:
    from sampan.cli.sizes import human_count

    return human_count(model["parameters"]) if model["parameters"] else "?"
