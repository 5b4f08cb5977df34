"""What the server knows of an engine: four methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from sampan.config import ModelConfig
from sampan.engine.outputs import EngineOutput
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import OverloadedError


class EngineStatus(msgspec.Struct, frozen=True, array_like=True):
    """A glance at the engine. `ready` is false while loading, restarting, closing or failed; `reason` says which."""

    ready: bool
    reason: str
    num_running: int
    num_waiting: int
    num_blocks: int
    num_free_blocks: int
    num_waiting_tokens: int = 0  # in the prompts that wait
    queue_room: int | None = None  # requests that may join, as far as is known
    tenant_share: int = 1  # while there is no room, tenants with fewer open requests may still join
    retry_after: float = 1.0  # seconds until they will have started, as far as is known
    num_preemptions: int = 0  # these three since the start
    num_queried_tokens: int = 0  # of prompts, looked up in the prefix cache
    num_hit_tokens: int = 0  # of these, found
    num_drafted_tokens: int = 0  # guessed and verified so far, and those of them that were right
    num_accepted_tokens: int = 0


@dataclass(slots=True)
class RequestTimes:
    """When what happened to a request, by `time.monotonic`; None until it has.

    Args:
        began: the engine first had its turn for it.
        first_token, last_token: came from the engine, so far.
    """

    began: float | None = None
    first_token: float | None = None
    last_token: float | None = None


class OutputStream(Protocol):
    """An accepted request's outputs; the last one has a `finish_reason`, and then the iteration stops. What several
    steps brought before the reader came may come in one output.

    Attributes:
        times: of the request, whatever its reader does.

    Raises:
        EngineError: from `__anext__`, engines failed while the request was open, and none could go on with it.
    """

    times: RequestTimes

    def __aiter__(self) -> OutputStream: ...

    async def __anext__(self) -> EngineOutput: ...

    def take_time(self) -> None:
        """From now on outputs may wait for each other, up to the last: whoever wants the whole need not see it grow."""

    async def aclose(self) -> None:
        """Aborts the request if it is still open: its blocks are free within one step. Harmless when called twice."""


class EngineClient(Protocol):
    """Token ids in, token ids out; all text work is the caller's."""

    config: ModelConfig
    max_model_len: int

    async def generate(
        self,
        request_id: str,
        prompt_token_ids: Sequence[int],
        params: SamplingParams,
        *,
        cache_salt: str = "",
        tenant: str = "",
        priority: int = 0,
        timeout: float | None = None,
    ) -> OutputStream:
        """Returns once the request is accepted, so that a refusal is known before an answer begins. Close the stream
        if you leave it early.

        Args:
            cache_salt: requests with different salts share no cached prompt.
            tenant: whose request it is; a busy engine is shared evenly between tenants.
            priority: among its tenant's requests, higher ones are served first.
            timeout: seconds from now in which the whole answer must be there; else the last output has the
                `finish_reason` ABORT and the `stop_reason` TIMEOUT.

        Raises:
            RequestError, ContextLengthError: the request cannot be served.
            OverloadedError: the queue is full. Known at once where `overload` knows it, however long a step takes.
            EngineError: engines failed.
            UnavailableError: the client is closing.
        """

    @property
    def is_full(self) -> bool:
        """Whether the queue has no room, but for tenants with less than their share."""

    def overload(self, tenant: str) -> OverloadedError | None:
        """What `generate` would raise now for a full queue, as far as can be told at once: before a prompt is made."""

    async def answer_now(self, answer_id: str) -> bool:
        """Asks the requests `ANSWER_ID-0`, `ANSWER_ID-1`, ... to close their thoughts and answer, whichever client of
        the engine they are from; harmless where they answer already. False where none is open.

        Raises:
            EngineError, UnavailableError: there is no engine, and there will be none.
        """

    def status(self) -> EngineStatus:
        """Cheap and never blocking."""

    async def close(self) -> None:
        """Ends open requests with `FinishReason.ABORT`."""
