"""Which tokens may come next in one request's answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sampan.backends.base import UInt32Array
from sampan.engine.structured.vocabulary import TokenVocabulary

if TYPE_CHECKING:
    import llguidance


class AnswerMatcher:
    """Follows one request's tokens. All that it says is a function of prompt and output; nothing else is kept.

    A thought is free. The answer begins behind the output's first `</think>` where the prompt ends inside a thought,
    and with the first token where it does not. A model that has thought may begin its answer with a line break,
    whatever the grammar says of it: R1 distills always do, and readers of answers drop it.

    Args:
        grammar: at the beginning of an answer; this object's own.
        prompt_token_ids: what the request began with, without output.
    """

    def __init__(
        self, grammar: llguidance.LLMatcher, vocabulary: TokenVocabulary, prompt_token_ids: Sequence[int]
    ) -> None:
        self._grammar = grammar
        self._vocabulary = vocabulary
        self._thinks = vocabulary.think_end_id is not None and vocabulary.is_in_thought(prompt_token_ids)
        self._num_scanned = len(prompt_token_ids)
        self._answer_start = None if self._thinks else len(prompt_token_ids)
        self._num_followed = 0  # tokens of the answer that the grammar has seen

    @property
    def failed(self) -> bool:
        """Whether the grammar became too complex on the way, or met a token that it does not allow."""
        return bool(self._grammar.is_error())

    def num_free(self, token_ids: Sequence[int], drafts: Sequence[int] = ()) -> int:
        """Of the positions behind `token_ids`, behind its first draft, behind its second ..., those that lie in the
        thought; they come first. With `m` drafts there are `m + 1` positions.

        Args:
            token_ids: prompt and output; at least as many as with the last call.
            drafts: tokens that may come next.
        """
        self._find_answer(token_ids)
        if self._answer_start is not None:
            return 0
        think_end = self._vocabulary.think_end_id
        return drafts.index(think_end) + 1 if think_end in drafts else len(drafts) + 1

    def write(self, bits: UInt32Array, token_ids: Sequence[int], drafts: Sequence[int] = ()) -> None:
        """Writes the masks of the positions that are not free: `bits` [m + 1 - num_free, words].

        Behind a draft that may not come, or that ends the answer, every mask is 0. Where the matcher has failed, all
        are.
        """
        self._find_answer(token_ids)
        start = self._answer_start
        if start is None:
            start = len(token_ids) + self.num_free(token_ids, drafts)
        self._follow(token_ids, start)
        bits[:] = 0
        first = max(len(token_ids), start)
        num_tentative = 0
        for row, mask in enumerate(bits):
            if row > 0:
                draft = drafts[first + row - 1 - len(token_ids)]
                steps = self._step(draft, is_first=first + row - 1 == start)
                if steps < 0:
                    break
                num_tentative += steps
            self._grammar.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
            if self.failed:  # llguidance would end the answer here
                bits[row:] = 0
                break
            if first + row == start and self._thinks:
                mask |= self._vocabulary.line_break_mask
        if num_tentative:
            self._grammar.rollback(num_tentative)

    def _find_answer(self, token_ids: Sequence[int]) -> None:
        if self._answer_start is None:
            try:
                self._answer_start = token_ids.index(self._vocabulary.think_end_id, self._num_scanned) + 1
            except ValueError:
                self._num_scanned = len(token_ids)

    def _follow(self, token_ids: Sequence[int], start: int) -> None:
        """Shows the grammar what of the answer it has not seen."""
        for index in range(start + self._num_followed, len(token_ids)):
            if self._step(token_ids[index], is_first=index == start) < 0:
                self._grammar.consume_token(token_ids[index])  # puts it into its state of error, for good
            self._num_followed += 1

    def _step(self, token_id: int, *, is_first: bool) -> int:
        """Takes one token of the answer. Returns the tokens that the grammar took, or -1 where it may not come."""
        if self._grammar.validate_tokens([token_id]) == 1:
            return 1 if self._grammar.consume_token(token_id) else -1
        return 0 if is_first and self._thinks and token_id in self._vocabulary.line_breaks else -1
