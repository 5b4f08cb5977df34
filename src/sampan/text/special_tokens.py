"""The texts of a tokenizer's added tokens: where they stand in a text, and how to keep them out of what users write.

Two jobs, both linear in the text whatever it holds:

- `split` cuts a text at its special tokens, as Hugging Face does: leftmost first, longest where several begin.
- `guard` puts a private mark where a user's text begins or ends a special token. Guarded text can travel through a chat
  template, be cut, trimmed and joined there; no special token is found in it afterwards, and the marks are taken out
  again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby


class SpecialTokens:
    """Texts of added tokens and their ids. A text of one character is no special token: it could not be guarded.

    Args:
        token_ids: text of each added token -> id.
    """

    def __init__(self, token_ids: Mapping[str, int]) -> None:
        self._token_ids = {text: token_id for text, token_id in token_ids.items() if len(text) > 1}
        self._pattern = re.compile(_longest_of(list(self._token_ids)) if self._token_ids else "(?!)")
        # In both cases: a template may change the case of what it is given.
        self._first = {variant for text in self._token_ids for variant in (text[0].lower(), text[0].upper())}
        self._last = {variant for text in self._token_ids for variant in (text[-1].lower(), text[-1].upper())}
        self._max_chars = max(map(len, self._token_ids), default=0)

    def split(self, text: str) -> Iterator[str | int]:
        """Ids of the special tokens in `text` and the texts between them, in order."""
        start = 0
        for match in self._pattern.finditer(text):
            if match.start() > start:
                yield text[start : match.start()]
            yield self._token_ids[match.group()]
            start = match.end()
        if start < len(text):
            yield text[start:]

    def guard(self, text: str, mark: str) -> str:
        """`text` with `mark` after each character that can begin a special token and before each that can end one.

        A text that is the middle of one, which `<` and `>` around it would complete, gets a mark in front.
        """
        core = text.strip()
        if core and len(core) < self._max_chars and any(core in token for token in self._token_ids):
            text = text.replace(core, mark + core, 1)
        for character in self._first:
            text = text.replace(character, character + mark)
        for character in self._last:
            text = text.replace(character, mark + character)
        return text


def _longest_of(texts: list[str]) -> str:
    """A pattern for the longest of `texts`, in the shape of a trie: at each place one walk down, not one try a text."""
    by_first = groupby(sorted(filter(None, texts)), key=lambda text: text[0])
    branches = [re.escape(first) + _longest_of([text[1:] for text in group]) for first, group in by_first]
    if "" in texts:
        return f"(?:{'|'.join(branches)})?" if branches else ""
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
