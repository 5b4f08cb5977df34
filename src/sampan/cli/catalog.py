"""The models that `sampan list` shows, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sampan.checkpoint.resolve import model_folder, sampan_home
from sampan.config import ModelConfig
from sampan.errors import SampanError
from sampan.quant.sizes import weight_sizes
from sampan.zoo import ZOO, ZooEntry

PRECISIONS = ("int8", "int4", "bf16")


def find_models() -> Iterator[dict[str, Any]]:
    """One entry a model, the zoo first: name, aliases, parameters, bytes by precision, license, huggingface_id,
    present, path."""
    known = {model_folder(entry): entry for entry in ZOO}
    models = sampan_home() / "models"
    others = sorted(path for path in models.iterdir() if path.is_dir()) if models.is_dir() else []
    for path in dict.fromkeys([*known, *others]):
        yield _describe(path, known.get(path))


def _describe(path: Path, entry: ZooEntry | None) -> dict[str, Any]:
    config = entry.config if entry is not None and entry.config is not None else _read_config(path)
    sizes = weight_sizes(config) if config is not None else {}
    return {
        "name": entry.name if entry is not None else path.name,
        "aliases": list(entry.aliases) if entry is not None else [],
        "parameters": config.num_parameters if config is not None else None,
        "bytes": {name: size for name, size in sizes.items() if name in PRECISIONS},
        "license": entry.license_notice if entry is not None else None,
        "huggingface_id": entry.huggingface_id if entry is not None else None,
        "present": (path / "config.json").is_file() and any([*path.glob("*.safetensors"), *path.glob("*.pdparams")]),
        "path": str(path),
    }


def _read_config(path: Path) -> ModelConfig | None:
    """None where there is no readable configuration: a listing shows what it can."""
    try:
        return ModelConfig.from_file(path / "config.json")
    except SampanError:
        return None
