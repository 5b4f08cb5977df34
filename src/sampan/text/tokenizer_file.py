"""Reads `tokenizer.json`: what the library reads from it, in four fifths of the time, which is most of a start's.

The library parses the vocabulary and its merges twice over. Here they are parsed once and handed to it; all else in the
file is its own to read. A file that is not as expected is left to it altogether, and so are the words about what is
wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec
import tokenizers

EMPTY_MODEL = msgspec.Raw(b'{"type": "BPE", "vocab": {}, "merges": []}')


def parse_tokenizer(data: bytes) -> tuple[tokenizers.Tokenizer, int | None]:
    """The tokenizer, and one more than the greatest id of its vocabulary without added tokens, where that is known.

    Raises:
        BaseException: the file is damaged; the library has no class of its own for that.
    """
    try:
        return _assemble(data)
    except Exception:  # the library says it better
        return tokenizers.Tokenizer.from_buffer(data), None


def _assemble(data: bytes) -> tuple[tokenizers.Tokenizer, int]:
    parts = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    model = msgspec.json.decode(parts["model"], type=dict[str, msgspec.Raw])
    vocabulary = msgspec.json.decode(model.pop("vocab"), type=dict[str, int])
    merges = _read_merges(model.pop("merges"))
    options = {name: msgspec.json.decode(value) for name, value in model.items()}
    num_plain = max(vocabulary.values(), default=-1) + 1
    if options.pop("type") != "BPE" or len(vocabulary) != num_plain:
        raise ValueError(
            "another kind of model, or ids with gaps, in which the library numbers added tokens its own way"
        )
    # The added tokens number themselves by the vocabulary, so they come after it.
    shell = {**parts, "model": EMPTY_MODEL, "added_tokens": msgspec.Raw(b"[]")}
    tokenizer = tokenizers.Tokenizer.from_buffer(msgspec.json.encode(shell))
    given = {name: value for name, value in options.items() if value is not None}
    tokenizer.model = tokenizers.models.BPE(vocabulary, merges, **given)
    _add_tokens(tokenizer, msgspec.json.decode(parts["added_tokens"], type=list[dict[str, Any]]))
    return tokenizer, num_plain


def _read_merges(data: msgspec.Raw) -> list[tuple[str, str]]:
    """Pairs, which older files write as one text with a blank between both."""
    try:
        return msgspec.json.decode(data, type=list[tuple[str, str]])
    except msgspec.ValidationError:
        texts = (text.split(" ") for text in msgspec.json.decode(data, type=list[str]))
        return [(first, second) for first, second in texts]


def _add_tokens(tokenizer: tokenizers.Tokenizer, tokens: Sequence[dict[str, Any]]) -> None:
    """In the order of the file, and special tokens as such."""
    for special, run in groupby(tokens, key=lambda token: token["special"]):
        added = [tokenizers.AddedToken(**{name: token[name] for name in token if name != "id"}) for token in run]
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)(added)
    if any(tokenizer.token_to_id(token["content"]) != token["id"] for token in tokens):
        raise ValueError("an added token has not the next id, which it would get here")
