"""How requests steer the thought and where they want to see it, in the words of OpenAI, OpenRouter, DeepSeek, Qwen,
vLLM, SGLang, llama.cpp and Groq."""

from __future__ import annotations

from typing import Literal

from sampan.errors import RequestError
from sampan.server.fields import Count, RequestModel

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
ReasoningFormat = Literal[
    "auto", "parsed", "deepseek", "reasoning_content", "reasoning", "both", "deepseek-legacy", "none", "raw", "hidden"
]

CONTENT, REASONING = "reasoning_content", "reasoning"
# Of each format: the fields of the thought, and whether it stays in `content` between its tags.
FORMATS: dict[str, tuple[tuple[str, ...], bool]] = {
    "auto": ((CONTENT,), False),
    "parsed": ((CONTENT,), False),
    "deepseek": ((CONTENT,), False),
    "reasoning_content": ((CONTENT,), False),
    "reasoning": ((REASONING,), False),
    "both": ((CONTENT, REASONING), False),
    "deepseek-legacy": ((CONTENT,), True),
    "none": ((), True),
    "raw": ((), True),
    "hidden": ((), False),
}


class ReasoningOptions(RequestModel):
    """`reasoning`, as OpenRouter has it."""

    effort: Effort | None = None
    max_tokens: Count | None = None
    exclude: bool | None = None
    enabled: bool | None = None


class ThinkingOptions(RequestModel):
    """`thinking`, as DeepSeek and others have it."""

    type: Literal["enabled", "disabled", "auto", "adaptive"]
    budget_tokens: Count | None = None


def one_thinking(switches: dict[str, bool | None]) -> bool | None:
    """Whether the model thinks, from the fields that speak of it; None where none does.

    Raises:
        RequestError: two of them contradict each other.
    """
    given = {name: value for name, value in switches.items() if value is not None}
    if len(set(given.values())) > 1:
        on, off = (next(name for name, value in given.items() if value is wanted) for wanted in (True, False))
        raise RequestError(f"{on} and {off} differ", param=on, remedy="send one of them")
    return next(iter(given.values()), None)
