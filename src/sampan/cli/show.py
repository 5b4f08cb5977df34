"""`sampan show`."""

from __future__ import annotations

from sampan.cli.options import Json, Model


def show(*, model: Model = None, json: Json = False) -> int:
    """Shows what a model is: shape, size, memory by precision and context, template, licence.

    Only headers and small files are read. Memory is weights, and one request's keys and values.
    """
    from sampan.checkpoint import resolve_model
    from sampan.cli.card import print_card
    from sampan.cli.output import print_json
    from sampan.examination import describe_model

    card = describe_model(resolve_model(model))
    if json:
        print_json(card.document())
    else:
        print_card(card, model or card.name)
    return 0
