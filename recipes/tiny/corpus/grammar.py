"""Paraphrase patterns: `[a|b|]` is a choice, nested as deep as one likes, `{name}` a shared list of patterns.

A pattern such as `[how do I|how to] {change} the [Wi-Fi |]name` stands for every sentence that its choices spell.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache

Lists = Mapping[str, Sequence[str]]
Node = str | tuple["Node", ...] | list["Node"]  # text, sequence, choice


@lru_cache(maxsize=None)
def _parse(pattern: str) -> Node:
    node, end = _sequence(pattern, 0, stop="")
    if end != len(pattern):
        raise ValueError(f"unbalanced ']' or '|' at {end} in pattern: {pattern}")
    return node


def _sequence(pattern: str, at: int, stop: str) -> tuple[Node, int]:
    parts: list[Node] = []
    text = ""
    while at < len(pattern) and pattern[at] not in stop:
        if pattern[at] == "[":
            options: list[Node] = []
            while pattern[at] != "]":
                option, at = _sequence(pattern, at + 1, stop="|]")
                options.append(option)
                if at >= len(pattern):
                    raise ValueError(f"'[' without ']' in pattern: {pattern}")
            parts += [text, options]
            text = ""
        else:
            text += pattern[at]
        at += 1
    return tuple([*parts, text]), at


def _spell(node: Node, rng: random.Random) -> str:
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return _spell(rng.choice(node), rng)
    return "".join(_spell(part, rng) for part in node)


def expand(pattern: str, rng: random.Random, lists: Lists) -> str:
    """One sentence of `pattern`. `{name}` is filled from `lists[name]`, whose entries are patterns themselves.

    Raises:
        ValueError: the brackets of a pattern do not match.
        KeyError: a `{name}` is in no list.
    """
    text = _spell(_parse(pattern), rng)
    while "{" in text:
        before, _, rest = text.partition("{")
        name, _, after = rest.partition("}")
        text = before + expand(rng.choice(lists[name]), rng, lists) + after
    return text
