"""What is asked: the same requests in the same order for the same numbers."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

WORDS = [
    "router", "password", "binary", "search", "sort", "list", "tree", "graph",
    "cache", "memory", "thread", "socket", "packet", "latency", "number", "equal",
    "divide", "sum", "answer", "question", "file", "folder", "server", "client",
    "cable", "light", "modem", "signal", "network", "printer",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests with prompts that begin alike and end each in its own way.

    Args:
        model: its name in requests; empty leaves the field out.
        shared_words: words that all prompts begin with, as a system prompt.
        own_words: words of each one's question.
        max_tokens: of an answer.
        ignore_eos: answers go on to `max_tokens`, so that all are equally long.
        temperature: 0 is greedy.
    """

    model: str = ""
    shared_words: int = 0
    own_words: int = 12
    max_tokens: int = 50
    ignore_eos: bool = True
    temperature: float = 0.6

    def bodies(self, seed: int) -> Iterator[bytes]:
        """Request bodies without end."""
        generator = random.Random(seed)
        shared = " ".join(random.Random(0).choices(WORDS, k=self.shared_words))
        system = [{"role": "system", "content": shared}] if shared else []
        number = 0
        while True:
            question = " ".join(generator.choices(WORDS, k=self.own_words))
            body = {
                **({"model": self.model} if self.model else {}),
                "messages": [*system, {"role": "user", "content": question}],
                "max_tokens": self.max_tokens,
                "ignore_eos": self.ignore_eos,
                "temperature": self.temperature,
                "seed": number,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            yield json.dumps(body).encode()
            number += 1
