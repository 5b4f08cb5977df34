"""What a model's makers advise for sampling, from the `generation_config.json` in its folder."""

from __future__ import annotations

from pathlib import Path

from sampan.engine.sampling_params import SamplingParams
from sampan.errors import ConfigError, RequestError
from sampan.strict_json import read_json_object

FILE = "generation_config.json"
MAX_BYTES = 1_000_000
_FIELDS = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")


def read_sampling_defaults(folder: Path) -> SamplingParams:
    """Sampling for requests that say nothing; plain sampling where the file is absent.

    Raises:
        CheckpointError: the file is not readable JSON.
        ConfigError: a value is out of range.
    """
    file = folder / FILE
    if not file.exists():
        return SamplingParams()
    data = read_json_object(file, MAX_BYTES)
    values = {name: data[name] for name in _FIELDS if data.get(name) is not None}
    if data.get("do_sample") is False:
        values["temperature"] = 0.0
    try:
        return SamplingParams(**values)
    except (RequestError, TypeError) as error:
        raise ConfigError(f"{file}: {error}", remedy="correct the value or remove it") from error
