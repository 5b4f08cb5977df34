"""A vocabulary for the tiny random model: the bytes, and some tokens of several."""

from __future__ import annotations

from collections.abc import Sequence

from random_model import EOS, VOCAB
from sampan.engine.structured import TokenVocabulary

THINK_START, THINK_END = 1, 2
FIRST_BYTE = 16
_LONGER = [b"\n\n", b'{"', b'":', b'", "', b"true", b"false", b"null", b"name", b"hello", b" world", b"12", b"\xe4\xbd"]
TOKENS: list[bytes] = [b""] * VOCAB
TOKENS[THINK_START], TOKENS[THINK_END], TOKENS[EOS] = b"<think>", b"</think>", b"<end>"
for _byte in range(256):
    TOKENS[FIRST_BYTE + _byte] = bytes([_byte])
for _index, _token in enumerate(_LONGER):
    TOKENS[FIRST_BYTE + 256 + _index] = _token
SPECIAL = frozenset((THINK_START, THINK_END, EOS))
_IDS = {token: token_id for token_id, token in enumerate(TOKENS) if token and token_id not in SPECIAL}


def encode(text: str | bytes) -> list[int]:
    """The longest token that fits, again and again."""
    data = text.encode() if isinstance(text, str) else text
    ids = []
    while data:
        size = next(size for size in range(min(len(data), 8), 0, -1) if data[:size] in _IDS)
        ids.append(_IDS[data[:size]])
        data = data[size:]
    return ids


def decode(token_ids: Sequence[int]) -> bytes:
    return b"".join(TOKENS[token_id] for token_id in token_ids)


def is_in_thought(token_ids: Sequence[int]) -> bool:
    marks = [token_id for token_id in token_ids if token_id in (THINK_START, THINK_END)]
    return marks[-1:] == [THINK_START]


def byte_vocabulary() -> TokenVocabulary:
    return TokenVocabulary(
        read_bytes=lambda: TOKENS,
        special_ids=SPECIAL,
        eos_token_ids=(EOS,),
        encode=encode,
        is_in_thought=is_in_thought,
        think_end_id=THINK_END,
        size=VOCAB,
    )
