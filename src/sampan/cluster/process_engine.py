"""The engine process's client in a worker. It keeps whatever is open, so that an engine may die.

All of it runs on the worker's event loop.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import zmq

from sampan.cluster.client import EngineStatus
from sampan.cluster.messages import (
    MAX_UNREAD_DELIVERIES,
    Abort,
    AnswerNow,
    Command,
    Delivery,
    Hello,
    Submit,
    decode_delivery,
    encode,
    is_of,
)
from sampan.cluster.open_request import GUILTY_AFTER, SUSPECT_AFTER, OpenRequest
from sampan.config import ModelConfig
from sampan.engine.outputs import EngineOutput, FinishReason
from sampan.engine.sampling_params import MAX_SEED, SamplingParams
from sampan.errors import EngineError, OverloadedError, RequestError, SampanError, UnavailableError

logger = logging.getLogger(__name__)

SETTLED_SECONDS = 2.0  # after which an engine has been handed all that was open before it
ASK_AGAIN_SECONDS = 0.1

IDLE = EngineStatus(False, "starting", 0, 0, 0, 0)


class ProcessEngine:
    """See `sampan.cluster.client.EngineClient`. Made before its event loop runs; all else happens in the loop.

    Until `connect`, and between two engines, requests wait. One by whose side engine after engine dies is tried alone
    in the end, and given up where that kills another (`SUSPECT_AFTER`, `GUILTY_AFTER`).

    Args:
        config, max_model_len: of the loaded model.
    """

    def __init__(self, config: ModelConfig, max_model_len: int) -> None:
        self.config = config
        self.max_model_len = max_model_len
        self._requests: dict[str, OpenRequest] = {}
        self._connection: _Connection | None = None
        self._held_back: list[OpenRequest] = []  # suspects; the first of them is with the engine
        self._status = IDLE
        self._questions: dict[str, asyncio.Future[bool]] = {}  # of `answer_now`, by the answer's id
        self._num_unanswered = 0  # requests that an engine has yet to accept or refuse
        self._failure: SampanError | None = None

    def connect(self, endpoint: str | None) -> None:
        """Goes over to the engine at `endpoint` and hands it what is open; None while there is no engine."""
        if self._failure is not None or (self._connection and self._connection.endpoint == endpoint):
            return
        if self._disconnect():
            self._blame()
        if endpoint is None:
            self._status = msgspec.structs.replace(IDLE, reason="restarting")
            return
        self._connection = _Connection(endpoint, self._receive)
        self._status = msgspec.structs.replace(IDLE, ready=True, reason="ready")
        self._resubmit()

    def fail(self, error: EngineError) -> None:
        """There will be no engine any more."""
        self._end(error, error)
        self._status = msgspec.structs.replace(self._status, ready=False, reason="failed")

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
    ) -> OpenRequest:
        if self._failure is not None:
            raise self._failure
        if request_id in self._requests:
            raise RequestError(f"request id {request_id!r} is already open", remedy="use another id")
        overload = self.overload(tenant)
        if overload is not None:
            raise overload
        if params.seed is None:  # drawn here, as every engine that works on the request must have the same
            params = replace(params, seed=secrets.randbelow(MAX_SEED))
        deadline = None if timeout is None else time.monotonic() + timeout
        submit = Submit(
            request_id, list(prompt_token_ids), params, [], False, cache_salt, tenant, priority, deadline, False
        )
        request = self._requests[request_id] = OpenRequest(submit, self._leave)
        self._send(submit)
        self._num_unanswered += 1
        try:
            await request.accepted
        except asyncio.CancelledError:
            await request.aclose()
            raise
        finally:
            self._num_unanswered -= 1
        return request

    @property
    def is_full(self) -> bool:
        # What the last step left, less what has been sent since.
        room = self._status.queue_room
        return room is not None and room <= self._num_unanswered

    def overload(self, tenant: str) -> OverloadedError | None:
        if not self.is_full:
            return None
        num_open = sum([request.tenant == tenant for request in self._requests.values()])
        if num_open < self._status.tenant_share:
            return None
        return OverloadedError.of_queue(self._status.retry_after)

    async def answer_now(self, answer_id: str) -> bool:
        own = [request for request in self._requests.values() if is_of(request.request_id, answer_id)]
        for request in own:
            request.answer_now()
        if own:
            self._send(AnswerNow(answer_id))
            return True
        while not await self._ask(answer_id):
            # Behind a fresh engine, the worker whose request it is may not have handed it over yet.
            if self._connection is not None and self._connection.age > SETTLED_SECONDS:
                return False
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        return True

    async def _ask(self, answer_id: str) -> bool:
        """The engine's word on an answer of another worker; an engine that dies is asked again by `_resubmit`."""
        if self._failure is not None:
            raise self._failure
        question = self._questions.get(answer_id)
        if question is None:
            question = self._questions[answer_id] = asyncio.get_running_loop().create_future()
            self._send(AnswerNow(answer_id))
        return await asyncio.shield(question)  # others may ask the same

    def status(self) -> EngineStatus:
        return self._status

    async def close(self) -> None:
        if self._failure is None:
            self._end(None, UnavailableError("the engine is closing", remedy="send the request again"))
            self._status = msgspec.structs.replace(self._status, ready=False, reason="closing")

    def _end(self, error: SampanError | None, failure: SampanError) -> None:
        """Ends what is open, with an error or as aborted; `failure` is for those who come later."""
        self._failure = failure
        self._disconnect()
        for question in self._questions.values():
            question.set_exception(failure)
            question.exception()  # who asked may have left
        self._questions.clear()
        requests, self._requests, self._held_back = self._requests, {}, []
        for request in requests.values():
            if error is None and request.accepted.done():
                request.take(EngineOutput(request.request_id, (), finish_reason=FinishReason.ABORT))
            else:
                request.fail(error or failure)

    def _disconnect(self) -> bool:
        """Leaves the engine; false where there is none."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        return connection is not None

    def _leave(self, request_id: str) -> None:
        request = self._requests.pop(request_id, None)
        self._send(Abort(request_id))
        if request is not None:
            self._clear(request)

    def _send(self, command: Command) -> None:
        if self._connection is not None:
            self._connection.send(command)

    def _receive(self, delivery: Delivery) -> None:
        self._status = delivery.status
        for answer_id, is_open in delivery.answers.items():
            question = self._questions.pop(answer_id, None)
            if question is not None:
                question.set_result(is_open)
        for request_id in delivery.asked_to_answer:
            if (request := self._requests.get(request_id)) is not None:
                request.answer_now()
        for refusal in delivery.refused:
            request = self._requests.pop(refusal.request_id, None)
            if request is not None:
                request.fail(refusal.error())
                self._clear(request)
        for request_id in delivery.accepted:
            request = self._requests.get(request_id)
            if request is not None:
                request.accept()
        for output in delivery.outputs:
            request = self._requests.get(output.request_id)
            if request is None:  # its reader has just left
                continue
            if request.num_deaths:
                self._clear(request)
            request.take(output)
            if output.finish_reason is not None:
                del self._requests[output.request_id]
        if delivery.is_reset:
            self._resubmit()

    def _blame(self) -> None:
        """An engine died: whoever was with it, and got no token from it, may be why."""
        with_engine = [r for r in self._requests.values() if r not in self._held_back[1:]]
        for request in with_engine:
            request.num_deaths += 1
            if request.num_deaths >= GUILTY_AFTER and request in self._held_back:
                logger.error("request %s ended %d engines and is given up", request.request_id, request.num_deaths)
                del self._requests[request.request_id]
                request.fail(EngineError("engines died of this request"))

    def _resubmit(self) -> None:
        """Hands an engine all that is open, except for suspects, who come one after the other."""
        self._send(Hello())
        self._held_back = [r for r in self._requests.values() if r.num_deaths >= SUSPECT_AFTER]
        for request in self._requests.values():
            if request not in self._held_back[1:]:
                self._send(request.submit())
        for answer_id in self._questions:
            self._send(AnswerNow(answer_id))

    def _clear(self, request: OpenRequest) -> None:
        """A suspect got a token or is gone: the next one's turn."""
        request.num_deaths = 0
        if request in self._held_back:
            was_first = self._held_back[0] is request
            self._held_back.remove(request)
            if was_first and self._held_back:
                self._send(self._held_back[0].submit())


class _Connection:
    """A ZeroMQ connection to one engine process, on the running event loop.

    ZeroMQ's descriptor tells once that something may have changed, so whoever touches the socket reads it empty.
    """

    def __init__(self, endpoint: str, receive: Callable[[Delivery], None]) -> None:
        self.endpoint = endpoint
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._made_at = self._loop.time()
        self._is_drain_due = False
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.set(zmq.SNDHWM, 0)  # what is open is bounded elsewhere, and an abort must not be lost
        self._socket.set(zmq.RCVHWM, MAX_UNREAD_DELIVERIES)
        self._socket.set(zmq.LINGER, 0)
        self._socket.connect(endpoint)
        self._loop.add_reader(self._socket.fileno(), self._drain)

    @property
    def age(self) -> float:
        """Seconds."""
        return self._loop.time() - self._made_at

    def send(self, command: Command) -> None:
        """Never blocks."""
        self._socket.send(encode(command), zmq.NOBLOCK)
        if not self._is_drain_due:
            self._is_drain_due = True
            self._loop.call_soon(self._drain)

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _drain(self) -> None:
        self._is_drain_due = False
        while not self._socket.closed:
            try:
                data = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._receive(decode_delivery(data))
