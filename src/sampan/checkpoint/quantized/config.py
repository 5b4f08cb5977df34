"""The object `quantization_config` of a `config.json`, read strictly: what it says is honoured or refused by name."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from sampan.errors import ConfigError

READABLE = "use int8 or int4 of compressed-tensors, GPTQ or AWQ, a GGUF file, or the model's float weights"


class QuantizationConfig:
    """One of its objects, with a way to name what is wrong in it.

    Args:
        data: the parsed object.
        source: the file, for messages.
    """

    def __init__(self, data: Any, source: str) -> None:
        self.source = source
        if not isinstance(data, dict):
            self.refuse(f"{reprlib.repr(data)} is not an object")
        self.data: Mapping[str, Any] = data

    def refuse(self, reason: str, remedy: str = READABLE) -> NoReturn:
        raise ConfigError(f"{self.source}: quantization_config: {reason}", remedy=remedy)

    def only(self, known: Collection[str]) -> None:
        """Refuses fields that Sampan does not know: they may change what the weights mean."""
        unknown = sorted(map(str, self.data.keys() - set(known)))
        if unknown:
            self.refuse(f"the field {reprlib.repr(unknown[0])} is not known", "use weights without it, or remove it")

    def value(self, field: str, allowed: Collection[Any], default: Any = None) -> Any:
        """A field that must be one of `allowed`; null counts as absent."""
        value = self.data.get(field)
        value = default if value is None else value
        if not any(type(value) is type(each) and value == each for each in allowed):
            self.refuse(f"{field}={reprlib.repr(value)} is not read")
        return value

    def empty(self, *fields: str) -> None:
        """Fields that must say nothing."""
        for field in fields:
            if self.data.get(field) not in (None, {}, [], False):
                self.refuse(f"{field}={reprlib.repr(self.data[field])} is not read")

    def part(self, field: str) -> QuantizationConfig:
        """An object in it."""
        return QuantizationConfig(self.data.get(field), self.source)
