"""The engine in a thread of the server's process.

One thread owns the engine. Others hand it small functions to run between two steps; it hands each step's outputs back
to the event loop in one call.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from sampan.cluster.client import EngineStatus
from sampan.config import ModelConfig
from sampan.engine.engine import Engine
from sampan.engine.outputs import EngineOutput, FinishReason
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import EngineError

logger = logging.getLogger(__name__)


class ThreadEngine:
    """See `sampan.cluster.client.EngineClient`. Starts its thread when made."""

    def __init__(self, engine: Engine, config: ModelConfig) -> None:
        self.config = config
        self.max_model_len = engine.max_model_len
        self._engine = engine
        self._commands: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._streams: dict[str, _ThreadStream] = {}  # only the engine thread touches it
        self._closing = False
        self._failure: EngineError | None = None
        self._ended = False  # nobody runs commands any more; written under the lock
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="sampan-engine", daemon=True)
        self._thread.start()

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
    ) -> _ThreadStream:
        prepared = self._engine.prepare(params)
        if prepared is not None:  # in a thread of its own, so that no stream waits; others may wait for the same
            await asyncio.shield(asyncio.wrap_future(prepared))
        loop = asyncio.get_running_loop()
        accepted: asyncio.Future[None] = loop.create_future()
        stream = _ThreadStream(self, request_id, loop)
        request = Request(
            request_id,
            prompt_token_ids,
            params,
            cache_salt=cache_salt,
            tenant=tenant,
            priority=priority,
            deadline=None if timeout is None else time.monotonic() + timeout,
        )
        self._engine.check_room(request)  # from here, so that a refusal need not wait for the step's end

        def add() -> None:
            try:
                if self._failure is not None or self._closing:
                    raise self._failure or EngineError("the engine is closing", remedy="try again later")
                self._engine.add_request(request)
                self._streams[request_id] = stream
                loop.call_soon_threadsafe(_resolve, accepted, None)
            except Exception as error:
                loop.call_soon_threadsafe(_resolve, accepted, error)

        self._submit(add)
        try:
            await accepted
        except asyncio.CancelledError:
            self.abort(request_id)
            raise
        return stream

    def abort(self, request_id: str) -> None:
        """Ends a request before the next step; harmless if it has ended."""

        def end() -> None:
            self._engine.abort(request_id)
            self._streams.pop(request_id, None)

        self._submit(end)

    def answer_now(self, request_id: str) -> None:
        self._submit(lambda: self._engine.answer_now(request_id))

    def status(self) -> EngineStatus:
        scheduler, kv_cache = self._engine.scheduler, self._engine.kv_cache
        reason = "failed" if self._failure is not None else "closing" if self._closing else "ready"
        return EngineStatus(
            ready=reason == "ready",
            reason=reason,
            num_running=len(scheduler.running),
            num_waiting=len(scheduler.waiting),
            num_blocks=kv_cache.pool.num_blocks,
            num_free_blocks=kv_cache.pool.num_free,
            num_waiting_tokens=scheduler.waiting.num_tokens,
            retry_after=scheduler.retry_after(),
            num_preemptions=scheduler.num_preemptions,
            num_queried_tokens=kv_cache.num_queried_tokens,
            num_hit_tokens=kv_cache.num_hit_tokens,
            num_drafted_tokens=self._engine.num_drafted_tokens,
            num_accepted_tokens=self._engine.num_accepted_tokens,
        )

    async def close(self) -> None:
        self._closing = True
        self._submit(lambda: None)  # wakes an idle thread
        await asyncio.to_thread(self._thread.join)

    def _submit(self, command: Callable[[], object]) -> None:
        """Hands a command to the engine thread; once that has ended, runs it here, as nobody else touches the engine
        then."""
        with self._lock:
            if not self._ended:
                self._commands.put(command)
                return
        command()

    def _run(self) -> None:
        try:
            while not self._closing:
                self._run_commands()
                if self._engine.has_unfinished:
                    self._deliver(self._engine.step())
        except Exception as error:
            logger.exception("the engine failed")
            self._failure = EngineError(f"the engine failed: {type(error).__name__}", remedy="see the server's log")
        for stream in self._streams.values():
            stream.send_last(self._failure or EngineOutput(stream.request_id, (), finish_reason=FinishReason.ABORT))
        self._streams.clear()
        with self._lock:
            self._ended = True
        while not self._commands.empty():
            self._commands.get()()

    def _run_commands(self) -> None:
        """Runs what has come in; sleeps while there is nothing else to do."""
        if not self._engine.has_unfinished:
            self._commands.get()()
        try:
            while True:
                self._commands.get_nowait()()
        except Empty:
            return

    def _deliver(self, outputs: list[EngineOutput]) -> None:
        """Wakes each event loop once for all outputs of a step."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_ThreadStream, EngineOutput]]] = {}
        for output in outputs:
            stream = self._streams[output.request_id]
            if output.finish_reason is not None:
                del self._streams[output.request_id]
            by_loop.setdefault(stream.loop, []).append((stream, output))
        for loop, entries in by_loop.items():
            try:
                loop.call_soon_threadsafe(_put_all, entries)
            except RuntimeError:  # the loop is closed, its readers are gone
                for stream, _ in entries:
                    self._engine.abort(stream.request_id)
                    self._streams.pop(stream.request_id, None)


class _ThreadStream:
    """See `sampan.cluster.client.OutputStream`."""

    def __init__(self, owner: ThreadEngine, request_id: str, loop: asyncio.AbstractEventLoop) -> None:
        self.request_id, self.loop = request_id, loop
        self.queue: asyncio.Queue[EngineOutput | EngineError] = asyncio.Queue()
        self._owner = owner
        self._open = True

    def __aiter__(self) -> _ThreadStream:
        return self

    async def __anext__(self) -> EngineOutput:
        if not self._open:
            raise StopAsyncIteration
        item = await self.queue.get()
        if isinstance(item, EngineError):
            self._open = False
            raise item
        self._open = item.finish_reason is None
        return item

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            self._owner.abort(self.request_id)

    def send_last(self, item: EngineOutput | EngineError) -> None:
        """From the engine thread, as it ends: puts the last item into the stream."""
        with suppress(RuntimeError):  # the loop is closed, its reader is gone
            self.loop.call_soon_threadsafe(self.queue.put_nowait, item)


def _put_all(entries: list[tuple[_ThreadStream, EngineOutput]]) -> None:
    for stream, output in entries:
        stream.queue.put_nowait(output)


def _resolve(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
