"""A request as its worker keeps it: what any engine needs to go on with it, and what its reader has yet to read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from sampan.backends.base import TokenLogprobs
from sampan.cluster.client import RequestTimes
from sampan.cluster.messages import Submit
from sampan.engine.outputs import EngineOutput
from sampan.errors import SampanError

SUSPECT_AFTER = 2  # engines that died in a row without having brought the request a token: it is tried alone
GUILTY_AFTER = 4
MAX_PATIENCE = 256  # tokens that wait for a reader in no hurry; turning more into text at once would hold others up


class OpenRequest:
    """See `sampan.cluster.client.OutputStream`, which this is for its reader.

    Outputs that the reader has not come for yet are joined into one, so that a slow reader costs no more memory than
    the tokens themselves.

    Args:
        submit: as the first engine got it.
        on_leave: called when the reader leaves before the end.
    """

    def __init__(self, submit: Submit, on_leave: Callable[[str], None]) -> None:
        self.request_id = submit.request_id
        self.tenant = submit.tenant
        self.accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.num_deaths = 0  # see SUSPECT_AFTER
        self.times = RequestTimes()
        self._submit = submit
        self._on_leave = on_leave
        self._token_ids: list[int] = []  # all that engines drew
        self._num_read = 0  # of them
        self._logprobs: list[TokenLogprobs] = []  # unread
        self._num_prompt_logprobs = 0
        self._prompt_logprobs: list[TokenLogprobs] = []  # unread
        self._last: EngineOutput | None = None
        self._num_cached_tokens: int | None = None  # as the first engine told
        self._failure: SampanError | None = None
        self._reader: asyncio.Future[None] | None = None
        self._in_no_hurry = False
        self.is_open = True  # for engines
        self._is_read = False

    def submit(self) -> Submit:
        """What the next engine shall get."""
        if not self.accepted.done():
            return self._submit
        return msgspec.structs.replace(
            self._submit,
            output_token_ids=self._token_ids,
            num_prompt_logprobs=self._num_prompt_logprobs,
            accepted_before=True,
        )

    def accept(self) -> None:
        """An engine has taken the request."""
        if not self.accepted.done():
            self.accepted.set_result(None)

    def answer_now(self) -> None:
        """To be repeated to later engines."""
        self._submit = msgspec.structs.replace(self._submit, answer_now=True)

    def take(self, output: EngineOutput) -> None:
        """From the engine."""
        self.num_deaths = 0
        self._token_ids += output.new_token_ids
        self._logprobs += output.logprobs
        self._num_prompt_logprobs += len(output.prompt_logprobs)
        self._prompt_logprobs += output.prompt_logprobs
        if self._num_cached_tokens is None:
            self._num_cached_tokens = output.num_cached_tokens
        self._note_time(output)
        if output.finish_reason is not None:
            self.is_open, self._last = False, output
        if not self._in_no_hurry or not self.is_open or self._num_unread >= MAX_PATIENCE:
            self._wake()

    def _note_time(self, output: EngineOutput) -> None:
        if output.new_token_ids:
            times = self.times
            times.last_token = time.monotonic()
            if times.first_token is None:
                times.first_token, times.began = times.last_token, output.began_at

    def fail(self, error: SampanError) -> None:
        """No engine will go on with it."""
        self.is_open = False
        self._failure = error
        if not self.accepted.done():
            self.accepted.set_exception(error)
        self._wake()

    @property
    def _num_unread(self) -> int:
        return len(self._token_ids) - self._num_read

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def __aiter__(self) -> OpenRequest:
        return self

    async def __anext__(self) -> EngineOutput:
        while not self._is_read:
            if self._num_unread or self._prompt_logprobs or self._last is not None:
                return self._read()
            if self._failure is not None:
                self._is_read = True
                raise self._failure
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        raise StopAsyncIteration

    def _read(self) -> EngineOutput:
        output = EngineOutput(
            self.request_id,
            tuple(self._token_ids[self._num_read :]),
            tuple(self._logprobs),
            num_cached_tokens=self._num_cached_tokens or 0,
            prompt_logprobs=tuple(self._prompt_logprobs),
        )
        self._num_read = len(self._token_ids)
        self._logprobs.clear()
        self._prompt_logprobs.clear()
        if self._last is None:
            return output
        self._is_read, last = True, self._last
        return msgspec.structs.replace(
            output, finish_reason=last.finish_reason, stop_reason=last.stop_reason, pooled=last.pooled
        )

    def take_time(self) -> None:
        self._in_no_hurry = True

    async def aclose(self) -> None:
        self._is_read = True
        self._wake()
        if self.is_open:
            self.is_open = False
            self._on_leave(self.request_id)
