"""Marks that show, after a chat template has run, which text was not the template's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sampan.errors import RequestError
from sampan.text.messages import ROLES
from sampan.text.tokenizer import Tokenizer

MAX_DEPTH = 64
# Unicode keeps these for use inside a program; two that occur in no text of the request serve.
_NONCHARACTERS = [chr(code) for code in range(0xFDD0, 0xFDF0)]
_NONCHARACTER = re.compile("[\ufdd0-\ufdef]")
# What templates compare with: harmless wherever it stands, so it stays as it is.
_PLAIN_WORDS = frozenset((*ROLES, "function", "object", "array", "string", "number", "integer", "boolean", "null"))


class Marks:
    """One request's marks: `guard` them into its texts, `hole` stands for a text that is put in later.

    Args:
        tokenizer: knows the special tokens.
        values: all of the request that the template will see, as JSON values.

    Raises:
        RequestError: a value is no JSON, is nested too deeply, or the request uses up the characters that could be
            marks.
    """

    def __init__(self, tokenizer: Tokenizer, values: Any) -> None:
        used: set[str] = set()

        def note_use(text: str) -> str:
            used.update(_NONCHARACTER.findall(text))
            return text

        _map_texts(values, note_use)
        free = [character for character in _NONCHARACTERS if character not in used]
        if len(free) < 2:
            raise RequestError(
                "the messages hold nearly all Unicode noncharacters", param="messages", remedy="send text"
            )
        self._tokenizer = tokenizer
        self.mark, self.hole = free[:2]

    def guard(self, text: str) -> str:
        """`text`, marked so that no special token is found in it."""
        return text if text in _PLAIN_WORDS else self._tokenizer.guard(text, self.mark)

    def guard_all(self, value: Any) -> Any:
        """A copy of a JSON value with all its texts guarded."""
        return _map_texts(value, self.guard)

    def remove(self, text: str) -> str:
        """`text` without marks."""
        return text.replace(self.mark, "")


def _map_texts(value: Any, function: Callable[[str], str], depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise RequestError(f"the request is nested more than {MAX_DEPTH} deep", param="messages", remedy="flatten it")
    if isinstance(value, str):
        return function(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        # Plain identifiers as keys are what templates look up.
        return {
            key if key.isidentifier() else function(key): _map_texts(item, function, depth + 1)
            for key, item in value.items()
            if isinstance(key, str)
        }
    if isinstance(value, (list, tuple)):
        return [_map_texts(item, function, depth + 1) for item in value]
    raise RequestError(f"a {type(value).__name__} is no JSON value", param="messages", remedy="send JSON values only")
