"""The training corpus of the embedded model, written by programs: all sentences are our own.

Knows: what is asked and answered in each domain, and how people phrase it.
Refuses to know: tokens, batches, models.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from recipes.tiny.corpus import arithmetic, network, python_tasks, talk
from recipes.tiny.corpus.sample import Sample

__all__ = ["Sample", "generate"]

_SHARES = {"network": 0.42, "python": 0.27, "arithmetic": 0.21, "talk": 0.10}
_MAKERS = {"network": network.make, "python": python_tasks.make, "arithmetic": arithmetic.make, "talk": talk.make}
_CHAT_SHARE = 0.08


def generate(seed: int, num_samples: int) -> Iterator[Sample]:
    """The first `num_samples` samples of the endless corpus of `seed`."""
    rng = random.Random(seed)
    for _ in range(num_samples):
        sample = _single(rng)
        yield _chat(rng, sample) if rng.random() < _CHAT_SHARE else sample


def _single(rng: random.Random, language: str | None = None) -> Sample:
    kind = rng.choices(list(_SHARES), weights=list(_SHARES.values()))[0]
    return _MAKERS[kind](rng, language=language)


def _chat(rng: random.Random, last: Sample) -> Sample:
    """`last` after one or two earlier turns, whose thoughts are gone, as the chat template drops them."""
    earlier = []
    for _ in range(rng.choice([1, 1, 2])):
        greets = not earlier and rng.random() < 0.3
        turn = talk.make(rng, "hello", last.language) if greets else _single(rng, last.language)
        earlier.append((turn.prompt, turn.answer))
    if rng.random() < 0.3:
        last = talk.make(rng, rng.choice(["thanks", "thanks", "bye"]), last.language)
    return Sample("chat", f"{last.kind}:{last.intent}", last.language, last.prompt, last.thought, last.answer, tuple(earlier))
