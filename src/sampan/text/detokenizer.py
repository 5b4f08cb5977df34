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
        # A character's bytes may lie in several tokens; bytes that are no UTF-8 become U+FFFD.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_ids: Iterable[int]) -> str:
        """The characters that are complete with these ids."""
        return self._decoder.decode(b"".join(self._id_to_bytes(i) for i in token_ids if i not in self._skipped))

    def finish(self) -> str:
        """U+FFFD where the last character stayed incomplete, else nothing."""
        return self._decoder.decode(b"", final=True)
