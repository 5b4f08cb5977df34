"""Log-probabilities in OpenAI's two shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sampan.backends.base import TokenLogprobs
from sampan.text import Tokenizer

LOWEST = -9999.0  # stands for minus infinity, which JSON does not have


def chat_logprobs(entries: Sequence[TokenLogprobs], tokenizer: Tokenizer) -> dict[str, Any]:
    """The shape of chat: one object for each token, with its bytes, because a character may lie in several tokens."""

    def one(token_id: int, logprob: float) -> dict[str, Any]:
        data = tokenizer.id_to_bytes(token_id)
        return {"token": token_text(data), "logprob": max(logprob, LOWEST), "bytes": list(data)}

    content = []
    for entry in entries:
        drawn, *top = (one(*pair) for pair in _pairs(entry))
        content.append({**drawn, "top_logprobs": top})
    return {"content": content}


def completion_logprobs(entries: Sequence[TokenLogprobs], tokenizer: Tokenizer, offset: int) -> dict[str, Any]:
    """The older shape of completions: parallel lists.

    Args:
        offset: characters of the answer before the first of these tokens.
    """
    tokens, values, top, offsets = [], [], [], []
    for entry in entries:
        named = [(token_text(tokenizer.id_to_bytes(i)), max(value, LOWEST)) for i, value in _pairs(entry)]
        token, value = named[0]
        tokens.append(token)
        values.append(value)
        top.append(dict(named))
        offsets.append(offset)
        offset += len(token)
    return {"tokens": tokens, "token_logprobs": values, "top_logprobs": top, "text_offset": offsets}


def token_text(data: bytes) -> str:
    """A token's text; one that holds a part of a character is written byte by byte, as OpenAI does."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)


def _pairs(entry: TokenLogprobs) -> list[tuple[int, float]]:
    """Ids and values, the drawn token's first."""
    return list(zip(entry.token_ids.tolist(), entry.logprobs.tolist(), strict=True))
