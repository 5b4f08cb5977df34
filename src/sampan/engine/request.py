"""One request inside the engine: what it is, how far it has come, which blocks it holds."""

from __future__ import annotations

import secrets
import sys
from array import array
from collections.abc import Sequence
from enum import Enum, auto

from sampan.engine.lookup import Lookup
from sampan.engine.outputs import FinishReason
from sampan.engine.prompt_reading import prompt_reading
from sampan.engine.reasoning_control import ReasoningControl
from sampan.engine.sampling_params import MAX_SEED, SamplingParams
from sampan.engine.sampling_record import sampling_record
from sampan.engine.seen import SeenTokens
from sampan.engine.structured import AllowedTokens, AnswerMatcher


class RequestStatus(Enum):
    """A request waits, runs, may be sent back to wait (preempted), and is finished once."""

    WAITING = auto()
    RUNNING = auto()
    FINISHED = auto()


class Request:
    """Mutable state of one request; only the scheduler and the engine write it.

    The one number that drives everything is `num_computed_tokens`: each step lets it catch up with `num_tokens`. A
    prompt, a chunk of one, a decode step and the recomputation after a preemption differ in nothing else.

    Args:
        output_token_ids: drawn before, by another engine perhaps; the request goes on behind them.
        num_prompt_logprobs: of the prompt, those that another engine has sent already.
        cache_salt: prefix-cache blocks are shared only between requests of equal salt.
        tenant: whose request it is; a busy engine is shared evenly between tenants.
        priority: among its tenant's requests, higher ones are served first.
        deadline: in `time.monotonic` seconds; the request ends then, finished or not.
        answer_now: close an open thought at once; see `Engine.answer_now`.
    """

    def __init__(
        self,
        request_id: str,
        prompt_token_ids: Sequence[int],
        params: SamplingParams,
        *,
        output_token_ids: Sequence[int] = (),
        num_prompt_logprobs: int = 0,
        cache_salt: str = "",
        tenant: str = "",
        priority: int = 0,
        deadline: float | None = None,
        answer_now: bool = False,
    ) -> None:
        self.request_id = request_id
        self.params = params
        self.cache_salt = cache_salt
        self.tenant = tenant
        self.priority = priority
        self.deadline = deadline
        self.arrival_time = 0.0  # set when it joins the queue
        self.began_at: float | None = None  # when it first had its turn
        self.seed = params.seed if params.seed is not None else secrets.randbelow(MAX_SEED)
        self.sampling_record = sampling_record(params)
        self.edits_logits = params.edits_logits
        self.seen = SeenTokens(prompt_token_ids) if params.has_penalties else None
        self.num_prompt_tokens = len(prompt_token_ids)
        self.token_ids = [*prompt_token_ids, *output_token_ids]  # prompt and output
        self.reading = prompt_reading(params, len(prompt_token_ids), num_prompt_logprobs)
        # The engine lowers it to the end of the context.
        self.max_output_tokens = sys.maxsize if params.max_tokens is None else params.max_tokens
        self.answer_now = answer_now
        self.control: ReasoningControl | None = None  # made by the engine, which knows how the model thinks
        self.lookup: Lookup | None = None  # made by the drafter when it is needed first
        self.status = RequestStatus.WAITING
        self.finish_reason: FinishReason | None = None
        self.stop_reason: int | str | None = None
        self.matcher: AnswerMatcher | AllowedTokens | None = None  # made by the engine, where the request needs one
        self.num_computed_tokens = 0
        self.num_cached_tokens: int | None = None  # of the prompt, at first admission
        self.num_charged_tokens = 0  # of the tenant's share
        self.num_preemptions = 0
        self.block_ids = array("i")
        self.block_hashes: list[bytes] = []  # of the full blocks of token_ids, as far as they were needed

    @property
    def num_tokens(self) -> int:
        """Tokens whose keys and values the next sampled token needs."""
        return len(self.token_ids)

    @property
    def num_output_tokens(self) -> int:
        """Tokens drawn so far."""
        return len(self.token_ids) - self.num_prompt_tokens

    @property
    def num_pending_tokens(self) -> int:
        """Tokens yet to be computed before another can be drawn."""
        return len(self.token_ids) - self.num_computed_tokens

    @property
    def num_reusable_tokens(self) -> int:
        """Tokens at the beginning of which only keys and values are wanted. The last one is never among them, since its
        logits are wanted."""
        last, reading = len(self.token_ids) - 1, self.reading
        return last if reading is None or reading.next_row == reading.end_row else min(reading.next_row, last)

    @property
    def forced_token_ids(self) -> tuple[int, ...]:
        """What must come next, whatever the model would draw."""
        return self.control.forced if self.control is not None else ()

    def finish(self, reason: FinishReason, stop_reason: int | str | None = None) -> None:
        """Marks the request as ended."""
        self.status = RequestStatus.FINISHED
        self.finish_reason, self.stop_reason = reason, stop_reason
