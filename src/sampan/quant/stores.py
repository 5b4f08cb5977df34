"""Which packed stores were made from a checkpoint, for those who remove it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sampan.checkpoint import Checkpoint, sampan_home
from sampan.errors import CheckpointError
from sampan.quant.source_hash import known_source, same_content_elsewhere
from sampan.quant.store_reader import MappedStore


class MadeFrom(NamedTuple):
    """The stores of a checkpoint, and the files of another one that has the same content: they use the stores too."""

    stores: list[Path]
    also_used_by: list[Path]


def stores_made_from(checkpoint: Checkpoint) -> MadeFrom:
    """Those under `sampan_home()/packed`. Reads headers only: a checkpoint that nobody has hashed was not packed."""
    folder = sampan_home() / "packed"
    source = known_source(checkpoint, folder)
    if source is None:
        return MadeFrom([], [])
    stores = [path for path in sorted(folder.glob("*.safetensors")) if _source_of(path) == source]
    return MadeFrom(stores, same_content_elsewhere(checkpoint, folder) if stores else [])


def _source_of(path: Path) -> str:
    """Empty where it is damaged, or of another layout."""
    try:
        return MappedStore(path).source
    except CheckpointError:
        return ""
