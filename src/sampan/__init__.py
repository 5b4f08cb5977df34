"""Sampan (舢板): local, private inference and serving for the DeepSeek-R1 distills.

    from sampan import LLM, SamplingParams
    from sampan import AutoModelForCausalLM, AutoTokenizer

Public names only, each loaded when it is first used: `import sampan` costs next to nothing.
"""

import importlib

TYPE_CHECKING = False  # as `typing` has it, without the time that importing `typing` takes
if TYPE_CHECKING:
    from sampan.auto import (
        AutoModelForCausalLM,
        AutoTokenizer,
        GenerationConfig,
        TextIteratorStreamer,
        TextStreamer,
    )
    from sampan.engine import LLM, SamplingParams

__version__ = "0.1.0"
__all__ = [
    "LLM",
    "AutoModelForCausalLM",
    "AutoTokenizer",
    "GenerationConfig",
    "SamplingParams",
    "TextIteratorStreamer",
    "TextStreamer",
    "__version__",
]

_HOMES = {"LLM": "sampan.engine", "SamplingParams": "sampan.engine"}
_AUTO = "sampan.auto"


def __getattr__(name: str) -> object:
    """Loads a public name (PEP 562)."""
    if name in __all__:
        return getattr(importlib.import_module(_HOMES.get(name, _AUTO)), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
