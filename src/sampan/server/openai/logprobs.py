"""Log-probabilities in OpenAI's two shapes."""

from __future__ import annotations

import codecs
from collections.abc import Container, Sequence
from typing import Any

from sampan.backends.base import TokenLogprobs
from sampan.text import Tokenizer

LOWEST = -9999.0  # stands for minus infinity, which JSON does not have

_utf8_reader = codecs.getincrementaldecoder("utf-8")


def chat_logprobs(entries: Sequence[TokenLogprobs], tokenizer: Tokenizer) -> dict[str, Any]:
    """The shape of chat: one object for each token, with its bytes, because a character may lie in several tokens."""

    def one(token_id: int, logprob: float) -> dict[str, Any]:
        data = tokenizer.id_to_bytes(token_id)
        return {"token": token_text(data), "logprob": logprob, "bytes": list(data)}

    content = []
    for entry in entries:
        drawn, *top = (one(*pair) for pair in scores(entry))
        content.append({**drawn, "top_logprobs": top})
    return {"content": content}


class CompletionLogprobs:
    """The older shape of completions, for one choice from its beginning on: parallel lists.

    Args:
        count: entries of `top_logprobs` besides the token's own.
        unseen_ids: tokens that the answer's text leaves out.
    """

    def __init__(self, tokenizer: Tokenizer, count: int, unseen_ids: Container[int]) -> None:
        self._tokenizer = tokenizer
        self._count = count
        self._unseen_ids = unseen_ids
        self._offset = 0  # characters of the choice's text before the next token
        self._reader = _utf8_reader("replace")

    def of_prompt(self, first_token_id: int, entries: Sequence[TokenLogprobs]) -> dict[str, list[Any]]:
        """Of an echoed prompt, whose first token has no log-probability. Its special tokens are not in its text."""
        lists = self._lists()
        self._add(lists, first_token_id, None, None, self._tokenizer.special_ids)
        for entry in entries:
            self._add_entry(lists, entry, self._tokenizer.special_ids)
        self._reader = _utf8_reader("replace")  # the answer's text begins with a character of its own
        return lists

    def of_answer(self, entries: Sequence[TokenLogprobs]) -> dict[str, list[Any]]:
        """Of further tokens of the answer."""
        lists = self._lists()
        for entry in entries:
            self._add_entry(lists, entry, self._unseen_ids)
        return lists

    @staticmethod
    def _lists() -> dict[str, list[Any]]:
        return {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}

    def _add_entry(self, lists: dict[str, list[Any]], entry: TokenLogprobs, unseen_ids: Container[int]) -> None:
        (token_id, own), *top = scores(entry)
        named = {self._name(other): logprob for other, logprob in top[: self._count]}
        self._add(lists, token_id, own, {self._name(token_id): own, **named}, unseen_ids)

    def _add(
        self,
        lists: dict[str, list[Any]],
        token_id: int,
        value: float | None,
        top: dict[str, float] | None,
        unseen_ids: Container[int],
    ) -> None:
        lists["tokens"].append(self._name(token_id))
        lists["token_logprobs"].append(value)
        lists["top_logprobs"].append(top)
        lists["text_offset"].append(self._offset)
        if token_id not in unseen_ids:
            self._offset += len(self._reader.decode(self._tokenizer.id_to_bytes(token_id)))

    def _name(self, token_id: int) -> str:
        return token_text(self._tokenizer.id_to_bytes(token_id))


def prompt_logprobs(entries: Sequence[TokenLogprobs], tokenizer: Tokenizer) -> list[dict[str, Any] | None]:
    """vLLM's shape for a prompt: for each token itself and the most probable ones, by id."""

    def named(entry: TokenLogprobs) -> dict[str, Any]:
        (token_id, value), *top = scores(entry)
        others = {str(i): shown(i, logprob, rank) for rank, (i, logprob) in enumerate(top, start=1)}
        own = {str(token_id): shown(token_id, value, entry.rank)}
        return own | others | own

    def shown(token_id: int, logprob: float, rank: int) -> dict[str, Any]:
        text = token_text(tokenizer.id_to_bytes(token_id))
        return {"logprob": logprob, "rank": rank, "decoded_token": text}

    return [None, *map(named, entries)]


def token_text(data: bytes) -> str:
    """A token's text; one that holds a part of a character is written byte by byte, as OpenAI does."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)


def scores(entry: TokenLogprobs) -> list[tuple[int, float]]:
    """Ids and log-probabilities as plain numbers, the drawn token's first."""
    values = zip(entry.token_ids.tolist(), entry.logprobs.tolist(), strict=True)
    return [(token_id, max(value, LOWEST)) for token_id, value in values]
