"""Whole tool calls out of what a parser says piece by piece."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sampan.text.tool_parser import ToolCallDelta


@dataclass(frozen=True, slots=True)
class WholeCall:
    """A call as the model wrote it."""

    name: str
    arguments: str

    @property
    def input(self) -> dict[str, Any] | None:
        """The arguments; None where they are no object, as in a call that `max_tokens` cut."""
        try:
            value = json.loads(self.arguments)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


def whole_calls(deltas: Sequence[ToolCallDelta]) -> list[WholeCall]:
    """The calls that these deltas make up."""
    names = [delta.name for delta in deltas if delta.name is not None]
    arguments = [""] * len(names)
    for delta in deltas:
        arguments[delta.index] += delta.arguments
    return [WholeCall(name, text) for name, text in zip(names, arguments, strict=True)]
