"""Token ids to text, as they come: only whole characters leave, and each token is looked at once."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sampan.text.tokenizer import Tokenizer


class IncrementalDetokenizer:
    """However the ids are split over `push`, the texts joined are those of decoding them at once.

    Args:
        tokenizer: gives the bytes of each id.
        skip_special_tokens: leave special tokens out.
        keep: ids that are never left out.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, skip_special_tokens: bool = True, keep: frozenset[int] = frozenset()
    ) -> None:
        self._id_to_bytes = tokenizer.id_to_bytes
        self._skipped = tokenizer.special_ids - keep if skip_special_tokens else frozenset()
        self._rest = b""  # of a character whose bytes lie in several tokens

    def push(self, token_ids: Iterable[int]) -> str:
        """The characters that are complete with these ids; bytes that are no UTF-8 become U+FFFD."""
        data = self._rest
        for token_id in token_ids:
            if token_id not in self._skipped:
                data += self._id_to_bytes(token_id)
        text, num_used = codecs.utf_8_decode(data, "replace")
        self._rest = data[num_used:]
        return text

    def finish(self) -> str:
        """U+FFFD where the last character stayed incomplete, else nothing."""
        rest, self._rest = self._rest, b""
        return rest.decode("utf-8", "replace")
