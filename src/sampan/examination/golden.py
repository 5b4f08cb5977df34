"""Texts and the token ids that the tokenizers of the distills, and of the embedded model, give them.

`scripts/golden_samples.py` writes them, from vectors that another engine made for the distills. A tokenizer that was
converted wrongly, or is another model's, gives other ids.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("golden.json")


@dataclass(frozen=True)
class Golden:
    """Samples of one vocabulary.

    Args:
        name: whose vocabulary it is.
        special_ids: text -> id of tokens that tell the vocabulary from others.
        token_ids: sample -> its ids.
    """

    name: str
    special_ids: Mapping[str, int]
    token_ids: Mapping[str, tuple[int, ...]]


@cache
def golden_samples() -> tuple[Golden, ...]:
    """All that are known."""
    data = json.loads(FILE.read_text(encoding="utf-8"))
    samples = data["samples"]
    return tuple(
        Golden(
            name,
            entry["special_ids"],
            {text: tuple(ids) for text, ids in zip(samples, entry["token_ids"], strict=True)},
        )
        for name, entry in data["vocabularies"].items()
    )
