"""What grammars need to know of a model's tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sampan.backends.base import UInt32Array

if TYPE_CHECKING:
    import llguidance

# A model that has thought begins its answer on a new line; these tokens do that.
LINE_BREAKS = frozenset((b"\n", b"\n\n", b"\r\n", b"\r\n\r\n"))


@dataclass(frozen=True)
class TokenVocabulary:
    """What grammars need to know of a tokenizer.

    Args:
        read_bytes: gives the bytes of every token, by id. Called once, when the first grammar comes.
        special_ids: tokens that are no text: no answer under a constraint holds them.
        eos_token_ids: ids that end an answer; at least one.
        encode: token ids of a text. Where a grammar leaves only one text, its tokens are those that the model knows.
        is_in_thought: whether a prompt of such ids ends inside a thought.
        think_end_id: ends a thought; None where the model does not think.
        size: ids from here on are padding.
    """

    read_bytes: Callable[[], Sequence[bytes]]
    special_ids: frozenset[int]
    eos_token_ids: tuple[int, ...]
    encode: Callable[[str], list[int]]
    is_in_thought: Callable[[Sequence[int]], bool]
    think_end_id: int | None
    size: int

    @property
    def num_words(self) -> int:
        """32-bit words of a mask."""
        return -(-self.size // 32)

    @cached_property
    def trie(self) -> llguidance.LLTokenizer:
        """All tokens as a tree, one for all grammars. Making it takes a second for 150,000 tokens."""
        from sampan.engine.structured.trie import make_trie  # which imports llguidance

        return make_trie(self)

    @cached_property
    def line_breaks(self) -> frozenset[int]:
        """Tokens that are nothing but the start of a new line."""
        return frozenset(token_id for token_id, token in enumerate(self.tokens) if token in LINE_BREAKS)

    @cached_property
    def line_break_mask(self) -> UInt32Array:
        """The same as a mask [num_words]."""
        mask = np.zeros(self.num_words, np.uint32)
        for token_id in self.line_breaks:
            mask[token_id // 32] |= np.uint32(1 << token_id % 32)
        return mask

    @cached_property
    def tokens(self) -> list[bytes]:
        """The bytes of each id below `size`."""
        tokens = list(self.read_bytes())[: self.size]
        return tokens + [b""] * (self.size - len(tokens))
