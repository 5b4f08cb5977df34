"""`sampan list`."""

from __future__ import annotations

from sampan.cli.options import Json


def list_models(*, json: Json = False) -> int:
    """Shows the models that Sampan knows by name, and every other folder under SAMPAN_HOME/models.

    Sizes in memory are estimates from the shapes, without the KV cache.
    """
    from sampan.cli.catalog import PRECISIONS, find_models
    from sampan.cli.output import print_json, print_table
    from sampan.cli.sizes import human_bytes, human_count

    models = list(find_models())
    if json:
        print_json(models)
        return 0
    rows = [
        (
            model["name"],
            human_count(model["parameters"]) if model["parameters"] else "?",
            *(human_bytes(size) if (size := model["bytes"].get(precision)) else "?" for precision in PRECISIONS),
            model["license"] or "?",
            model["path"] if model["present"] else "not here",
        )
        for model in models
    ]
    columns = ("model", "parameters", *PRECISIONS, "licence", "path")
    print_table(columns, rows, [None if model["present"] else "dim" for model in models], {"licence", "path"})
    return 0
