"""The models that `sampan list` shows, as plain data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sampan.checkpoint import open_checkpoint
from sampan.checkpoint.local.manifest import Manifest, read_manifest
from sampan.checkpoint.local.resolve import model_folder, models_home, weights_path
from sampan.config import ModelConfig
from sampan.errors import SampanError
from sampan.quant.sizes import weight_sizes
from sampan.strict_json import read_json_object
from sampan.zoo import ZOO, ZooEntry

PRECISIONS = ("int8", "int4", "bf16")
WEIGHTS = ("*.safetensors", "*.pdparams", "*.gguf")
SHORT = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
GGUF_TYPE = re.compile(r"(?:^|[-._])(i?q\d_(?:k_[sml]|k|\d)|bf16|f16|f32)(?=[-._]|$)", re.IGNORECASE)
MAX_CONFIG_BYTES = 1_000_000


def find_models() -> Iterator[dict[str, Any]]:
    """One entry a model, the zoo first: name, aliases, parameters, bytes by precision, license, huggingface_id,
    modelscope_id, present, path; of those that are here also dtype, disk_bytes, and where a pull brought them from:
    source, repository, revision, commit, pulled. `unfinished` has the bytes of a pull that was stopped: here, total."""
    known = {model_folder(entry): entry for entry in ZOO}
    models = models_home()
    found = sorted(path for path in models.iterdir() if path.is_dir()) if models.is_dir() else []
    unfinished = {models / path.name[1:-5]: path for path in found if path.match(".*.part")}
    others = [path for path in (*found, *unfinished) if not path.name.startswith(".")]
    for path in dict.fromkeys([*known, *sorted(others)]):
        yield _describe(path, known.get(path), unfinished.get(path))


def _describe(path: Path, entry: ZooEntry | None, unfinished: Path | None) -> dict[str, Any]:
    is_here = _is_complete(path)
    manifest = _manifest(path if is_here else unfinished)
    config = entry.config if entry is not None and entry.config is not None else _config(path)
    license_name = entry.license_notice if entry is not None else (manifest.license or None) if manifest else None
    sizes = weight_sizes(config) if config is not None else {}
    return {
        "name": entry.name if entry is not None else path.name,
        "aliases": list(entry.aliases) if entry is not None else [],
        "parameters": config.num_parameters if config is not None else None,
        "bytes": {name: size for name, size in sizes.items() if name in PRECISIONS},
        "license": license_name,
        "huggingface_id": entry.huggingface_id if entry is not None else None,
        "modelscope_id": entry.modelscope_id if entry is not None else None,
        "present": is_here,
        "path": str(path),
        "dtype": _dtype(path) if is_here else None,
        "disk_bytes": sum(file.stat().st_size for file in path.iterdir() if file.is_file()) if is_here else None,
        "unfinished": None if unfinished is None else _progress_of(unfinished, manifest),
        **{
            key: (getattr(manifest, key) or None) if manifest is not None else None
            for key in ("source", "endpoint", "repository", "revision", "commit", "pulled")
        },
    }


def _is_complete(path: Path) -> bool:
    if not path.is_dir() or not any(file for pattern in WEIGHTS for file in path.glob(pattern)):
        return False
    return (path / "config.json").is_file() or weights_path(path) != path


def _manifest(path: Path | None) -> Manifest | None:
    try:
        return None if path is None else read_manifest(path)
    except SampanError:
        return None


def _config(path: Path) -> ModelConfig | None:
    """None where there is no readable configuration: a listing shows what it can."""
    try:
        if (path / "config.json").is_file():
            return ModelConfig.from_file(path / "config.json")
        weights = weights_path(path) if path.is_dir() else path
        return open_checkpoint(weights).config if weights != path else None
    except (SampanError, OSError):
        return None


def _dtype(path: Path) -> str | None:
    """What the weights are stored as: `bf16`, `gptq 4 bits`, `Q4_K_M`; None where nothing says so."""
    weights = weights_path(path)
    if weights != path:
        match = GGUF_TYPE.search(weights.stem)
        return match[1].upper() if match else None
    try:
        config = read_json_object(path / "config.json", MAX_CONFIG_BYTES)
    except SampanError:
        return None
    quantized = config.get("quantization_config")
    if isinstance(quantized, dict) and isinstance(quantized.get("quant_method"), str):
        bits = quantized.get("bits")
        return f"{quantized['quant_method']}{f' {bits} bits' if type(bits) is int else ''}"
    stored = config.get("torch_dtype") or config.get("dtype")
    return SHORT.get(stored, stored) if isinstance(stored, str) else None


def _progress_of(part: Path, manifest: Manifest | None) -> dict[str, int | None]:
    """Bytes on the disk, since files of a pull have holes, and those of the whole model."""
    here = sum(512 * file.stat().st_blocks for file in part.iterdir() if file.is_file())
    total = manifest.size if manifest is not None else None
    return {"here": here if total is None else min(here, total), "total": total}
