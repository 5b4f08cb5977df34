"""When a thought must end, and how: budget, answer reserve, loop guard, "answer now".

All of it follows from prompt, parameters and output tokens (and from whether "answer now" was asked for), never from
what happened in between. So a request that is preempted or resumed by another engine goes on as it would have.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from sampan.engine.loop_guard import CHECK_EVERY, WINDOW, find_cycle
from sampan.engine.sampling_params import SamplingParams
from sampan.text.reasoning import ends_in_thought

DEFAULT_ANSWER_RESERVE = 512  # tokens, but at most a quarter of what may be generated
MIN_DEFAULT_RESERVE = 8  # where that is less, nobody expects an answer


@dataclass(frozen=True, slots=True)
class ThoughtTokens:
    """How a model marks its thoughts.

    Args:
        start_id: `<think>`.
        end_id: `</think>`.
        closing: what ends a thought that does not end by itself; its last id is `end_id`.
    """

    start_id: int
    end_id: int
    closing: tuple[int, ...]


class ReasoningControl:
    """Follows one request's output and says which tokens must come next.

    A thought is open while the last tag of prompt and output is `<think>`; behind the output's first `</think>` all is
    answer. Once an open thought has to close, `forced` is what is missing of the closing text. A beginning of it that
    the output ends with counts, whoever wrote it, so that the tokens alone say how far the closing has come.

    Args:
        token_ids: prompt and output: the request's own list, which grows.
        num_prompt_tokens: of them.
        thought_tokens: None for models that do not think.
        max_output_tokens: the output ends there.
        answer_now: close an open thought at once.
    """

    def __init__(
        self,
        token_ids: list[int],
        num_prompt_tokens: int,
        params: SamplingParams,
        thought_tokens: ThoughtTokens | None,
        max_output_tokens: int,
        *,
        answer_now: bool = False,
    ) -> None:
        self._token_ids, self._num_prompt = token_ids, num_prompt_tokens
        self._tags, self._params, self._max_output = thought_tokens, params, max_output_tokens
        self._guards_loops = params.loop_guard and not params.ignore_eos
        self._answer_now = answer_now
        self._num_seen = num_prompt_tokens
        # Ids that open or close a thought; none once the answer has begun.
        self._watched = frozenset((thought_tokens.start_id, thought_tokens.end_id) if thought_tokens else ())
        self._begin_segment()
        self._thinks = thought_tokens is not None and ends_in_thought(
            token_ids[:num_prompt_tokens], thought_tokens.start_id, thought_tokens.end_id
        )
        self._close_at = self._when_to_close()
        self.is_looping = False  # in the answer: nothing new will come
        self.advance()

    @property
    def forced(self) -> tuple[int, ...]:
        """The tokens that must come next, whatever the model would draw; mostly none."""
        if self._tags is None or not self._thinks or self._num_seen < self._close_at:
            return ()
        closing = self._tags.closing
        written = min(len(closing) - 1, self._num_seen - self._num_prompt)
        while written and tuple(self._token_ids[-written:]) != closing[:written]:
            written -= 1
        return closing[written:]

    def ask_to_answer(self) -> None:
        """Closes the thought if one is open; one that opens later is closed at once."""
        self._answer_now = True
        self._close_at = 0

    def advance(self) -> None:
        """Takes in the tokens that the list has got since."""
        while self._num_seen < len(self._token_ids):
            token_id = self._token_ids[self._num_seen]
            self._num_seen += 1
            if token_id in self._watched:
                self._take_tag(token_id)
            elif self._num_seen >= self._next_look:
                self._look_for_loop()

    def _begin_segment(self) -> None:
        """A thought begins here, or an answer."""
        self._segment_start = self._num_seen
        self._next_look = self._num_seen + CHECK_EVERY if self._guards_loops else sys.maxsize

    def _take_tag(self, token_id: int) -> None:
        opens = self._tags is not None and token_id == self._tags.start_id
        if opens and self._thinks:
            return  # models repeat it at times
        if not opens:
            self._watched = frozenset()
        self._thinks = opens
        self._begin_segment()
        self._close_at = self._when_to_close()

    def _look_for_loop(self) -> None:
        self._next_look = self._num_seen + CHECK_EVERY
        start = max(self._segment_start, self._num_seen - WINDOW)
        if find_cycle(self._token_ids[start : self._num_seen]):
            self._close_at = min(self._close_at, self._num_seen)
            # An answer under a constraint is whole or says that it was cut, and it may have to repeat itself.
            self.is_looping = not self._thinks and self._params.structured_outputs is None

    def _when_to_close(self) -> int:
        """How many tokens of prompt and output there are when a thought that opens here has to close."""
        if not self._thinks or self._tags is None:
            return sys.maxsize
        if self._answer_now:
            return 0
        budget, num_closing = self._params.thinking_token_budget, len(self._tags.closing)
        close_at = sys.maxsize if budget is None else self._segment_start + budget
        reserve = self._params.answer_reserve
        if reserve is None and not self._params.ignore_eos:
            quarter = (self._max_output - num_closing) // 4
            reserve = min(DEFAULT_ANSWER_RESERVE, quarter) if quarter >= MIN_DEFAULT_RESERVE else 0
        if reserve:
            close_at = min(close_at, self._num_prompt + self._max_output - reserve - num_closing)
        return close_at
