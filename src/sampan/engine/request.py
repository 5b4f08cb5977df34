"""One request inside the engine: what it is, how far it has come, which blocks it holds."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from enum import Enum, auto

from sampan.engine.outputs import FinishReason
from sampan.engine.sampling_params import MAX_SEED, SamplingParams
from sampan.engine.structured import AnswerMatcher


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
        cache_salt: prefix-cache blocks are shared only between requests of equal salt.
    """

    def __init__(
        self,
        request_id: str,
        prompt_token_ids: Sequence[int],
        params: SamplingParams,
        *,
        cache_salt: str = "",
    ) -> None:
        self.request_id = request_id
        self.params = params
        self.cache_salt = cache_salt
        self.seed = params.seed if params.seed is not None else secrets.randbelow(MAX_SEED)
        self.num_prompt_tokens = len(prompt_token_ids)
        self.token_ids = list(prompt_token_ids)  # prompt and output
        self.status = RequestStatus.WAITING
        self.finish_reason: FinishReason | None = None
        self.stop_reason: int | str | None = None
        self.matcher: AnswerMatcher | None = None  # of a structured output, once the engine has taken the request
        self.num_computed_tokens = 0
        self.num_cached_tokens: int | None = None  # of the prompt, at first admission
        self.num_preemptions = 0
        self.block_ids: list[int] = []
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

    def finish(self, reason: FinishReason, stop_reason: int | str | None = None) -> None:
        """Marks the request as ended."""
        self.status = RequestStatus.FINISHED
        self.finish_reason, self.stop_reason = reason, stop_reason
