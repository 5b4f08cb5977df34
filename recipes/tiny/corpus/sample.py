"""One training example: what was said before, what is asked, what is thought, what is answered."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CHINESE = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Sample:
    """A conversation whose last answer is to be learnt.

    Args:
        kind: which generator made it (`network`, `python`, `arithmetic`, `talk`, `chat`).
        intent: which question of that kind it is; the answer to expect.
        language: `zh` or `en`.
        prompt: what the user asks last.
        thought: the text between `<think>` and `</think>`.
        answer: the text after it.
        history: earlier (question, answer) pairs, without their thoughts, as the chat template shows them.
    """

    kind: str
    intent: str
    language: str
    prompt: str
    thought: str
    answer: str
    history: tuple[tuple[str, str], ...] = ()


def language_of(prompt: str) -> str:
    """The language to answer in: `zh` where the prompt holds a Chinese character, else `en`; `12*7=` is the same in both."""
    return "zh" if _CHINESE.search(prompt) else "en"
