"""What requests may call a model."""

from __future__ import annotations

from dataclasses import replace

from sampan.config import ServerConfig
from sampan.errors import UnknownModelError
from sampan.zoo import find


def name_model(config: ServerConfig, name: str, served_name: str | None) -> ServerConfig:
    """The configuration with the name that the operator chose, or else the model's own, and those that the zoo has for
    it."""
    chosen = served_name or name
    try:
        entry = find(name)
    except UnknownModelError:
        return replace(config, served_model_name=chosen)
    spellings = (entry.name, *entry.aliases, entry.huggingface_id)
    aliases = tuple(spelling for spelling in spellings if spelling not in ("", chosen))
    return replace(config, served_model_name=chosen, aliases=aliases, model_license=entry.license_notice)
