"""`sampan rm`."""

from __future__ import annotations

from typing import Annotated

from sampan.cli.options import Json
from sampan.cli.parameters import Argument, Option


def rm(
    *,
    name: Annotated[str, Argument("a model that `sampan list` shows as here")],
    yes: Annotated[bool, Option("do not ask")] = False,
    packed: Annotated[bool, Option("keep what was packed from it")] = True,
    json: Json = False,
) -> int:
    """Removes a model from SAMPAN_HOME, with the packed copies of its weights.

    Packed copies that another model uses stay; so does what lies elsewhere. What runs goes on.
    """
    from sampan.cli.output import print_json
    from sampan.cli.removal import ask, find_removal

    removal = find_removal(name, packed=packed)
    what = removal.describe()
    if not yes:
        ask(what)
    removal.run()
    if json:
        print_json(removal.as_json())
    else:
        print(f"removed {what}")
        for path in removal.kept:
            print(f"kept {path}: another model has the same weights")
    return 0
