"""A request as its worker keeps it: what any engine needs to go on with it, and what its reader has yet to read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from sampan.cluster.messages import Submit
from sampan.engine.outputs import EngineOutput
from sampan.errors import SampanError

SUSPECT_AFTER = 2  # engines that died in a row without having brought the request a token: it is tried alone
GUILTY_AFTER = 4


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
        self._submit = submit
        self._on_leave = on_leave
        self._token_ids: list[int] = []  # all that engines drew
        self._num_prompt_logprobs = 0
        self._num_cached_tokens: int | None = None
        self._unread: EngineOutput | None = None
        self._failure: SampanError | None = None
        self._reader: asyncio.Future[None] | None = None
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
        self._num_prompt_logprobs += len(output.prompt_logprobs)
        if self._num_cached_tokens is None:
            self._num_cached_tokens = output.num_cached_tokens
        self.is_open = output.finish_reason is None
        self._unread = self._joined(output)
        self._wake()

    def fail(self, error: SampanError) -> None:
        """No engine will go on with it."""
        self.is_open = False
        self._failure = error
        if not self.accepted.done():
            self.accepted.set_exception(error)
        self._wake()

    def _joined(self, output: EngineOutput) -> EngineOutput:
        """With what is unread before it, and the cached tokens that the first engine told of."""
        before = self._unread
        if before is None:
            if output.num_cached_tokens == self._num_cached_tokens:
                return output
            before = EngineOutput(output.request_id, ())
        return EngineOutput(
            output.request_id,
            before.new_token_ids + output.new_token_ids,
            before.logprobs + output.logprobs,
            output.finish_reason,
            output.stop_reason,
            self._num_cached_tokens or 0,
            before.prompt_logprobs + output.prompt_logprobs,
            output.pooled,
        )

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def __aiter__(self) -> OpenRequest:
        return self

    async def __anext__(self) -> EngineOutput:
        while self._unread is None:
            if self._failure is not None and not self._is_read:
                self._is_read = True
                raise self._failure
            if self._is_read:
                raise StopAsyncIteration
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        output, self._unread = self._unread, None
        self._is_read = output.finish_reason is not None
        return output

    async def aclose(self) -> None:
        self._is_read, self._unread = True, None
        self._wake()
        if self.is_open:
            self.is_open = False
            self._on_leave(self.request_id)
