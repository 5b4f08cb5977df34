"""A model's tokens in the form in which llguidance walks them."""

from __future__ import annotations

import llguidance

from sampan.engine.structured.vocabulary import TokenVocabulary


def make_trie(vocabulary: TokenVocabulary) -> llguidance.LLTokenizer:
    """All tokens as a tree. Making it takes a second for 150,000 tokens."""
    return llguidance.LLTokenizer(_Tokens(vocabulary), eos_token=list(vocabulary.eos_token_ids))


class _Tokens(llguidance.TokenizerWrapper):
    """The attributes and the call that llguidance asks a tokenizer for."""

    def __init__(self, vocabulary: TokenVocabulary) -> None:
        self.tokens = vocabulary.tokens
        self.special_token_ids = sorted(vocabulary.special_ids)
        self.bos_token_id = None
        self.eos_token_id = vocabulary.eos_token_ids[0]
        self.is_tokenizer_wrapper = True
        self._encode = vocabulary.encode

    def __call__(self, text: str) -> list[int]:
        return self._encode(text)
