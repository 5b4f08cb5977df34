"""Sampan (舢板): local, private inference and serving for the DeepSeek-R1 distills.

    from sampan import LLM, SamplingParams

Public names only, and loaded when first used: `import sampan` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sampan.engine import LLM, SamplingParams

__version__ = "0.1.0"
__all__ = ["LLM", "SamplingParams", "__version__"]

_HOMES = {"LLM": "sampan.engine", "SamplingParams": "sampan.engine"}


def __getattr__(name: str) -> Any:
    """PEP 562."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
