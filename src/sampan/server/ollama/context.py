"""The `context` of `/api/generate`: a conversation as token ids, which a client sends back to go on with it."""

from __future__ import annotations

from collections.abc import Sequence

from sampan.text import Tokenizer


def continued(context: Sequence[int], turn: Sequence[int], tokenizer: Tokenizer) -> list[int]:
    """The conversation so far with another turn behind it, which comes with a BOS of its own."""
    if not context:
        return list(turn)
    return [*context, *(turn[1:] if turn[:1] == (tokenizer.bos_token_id,) else turn)]


def remembered(prompt: Sequence[int], answer: Sequence[int], tokenizer: Tokenizer) -> list[int]:
    """The conversation with this answer, as the chat template would show it: without the thought, with an end.

    Args:
        prompt: ends where the assistant speaks, maybe inside or behind a thought.
        answer: all tokens that were drawn.
    """
    head, said = list(prompt), list(answer)
    start, end = tokenizer.think_start_id, tokenizer.think_end_id
    if start is not None and start in head:
        behind = len(head) - 1 - head[::-1].index(start)
        is_thinking = end not in head[behind:]
        head = head[:behind]
        if is_thinking:
            said = said[said.index(end) + 1 :] if end in said else []
    ends = tokenizer.eos_token_ids
    return [*head, *said] if not ends or said[-1:] in ([e] for e in ends) else [*head, *said, ends[0]]
