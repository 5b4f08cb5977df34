"""The step loop of an engine process: commands in, one step, what it brought out, one message for each worker.

The loop never waits for a worker. One that is gone loses its requests. One that reads so slowly that
`MAX_UNREAD_DELIVERIES` pile up on either side of the socket loses them too, and is told to send them again once it
reads: to it, that is the same as an engine that died.
"""

from __future__ import annotations

import errno
import logging
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NoReturn

import msgspec
import zmq

from sampan.cluster.client import EngineStatus
from sampan.cluster.messages import (
    MAX_UNREAD_DELIVERIES,
    Abort,
    AnswerNow,
    Delivery,
    Hello,
    Refusal,
    Submit,
    decode_command,
    encode,
    is_of,
)
from sampan.cluster.step_watch import StepWatch
from sampan.engine.engine import Engine
from sampan.engine.outputs import EngineOutput
from sampan.engine.request import Request
from sampan.errors import EngineError, SampanError

logger = logging.getLogger(__name__)

PREPARED_MILLISECONDS = 5  # between looks whether a grammar is ready
RETRY_MILLISECONDS = 100  # between attempts to tell a worker that did not read
STATUS_SECONDS = 0.1  # a worker that nothing else is sent to learns this often how the engine is


@dataclass(slots=True)
class _Worker:
    """A connected worker: its open requests, and what the next delivery will hold."""

    requests: set[str] = field(default_factory=set)
    accepted: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    outputs: list[EngineOutput] = field(default_factory=list)
    asked_to_answer: list[str] = field(default_factory=list)
    answers: dict[str, bool] = field(default_factory=dict)
    is_reset: bool = False  # its requests were dropped, and it has yet to be told
    is_deaf: bool = False  # and it has yet to say that it heard
    last_status: EngineStatus | None = None

    def delivery(self, status: EngineStatus) -> Delivery:
        """All that is due; nothing is, then."""
        delivery = Delivery(
            status, self.accepted, self.refused, self.outputs, self.is_reset, self.asked_to_answer, self.answers
        )
        self.accepted, self.refused, self.outputs, self.asked_to_answer, self.answers = [], [], [], [], {}
        return delivery


class EngineLoop:
    """Runs one engine for all workers.

    Args:
        engine: nobody else calls it.
        endpoint: ZeroMQ address to bind, a unix socket.
        watch: is told of each step.
    """

    def __init__(self, engine: Engine, endpoint: str, watch: StepWatch) -> None:
        self._engine = engine
        self._watch = watch
        self._workers: dict[bytes, _Worker] = {}
        self._owners: dict[str, _Worker] = {}  # of open requests
        self._preparing: dict[str, tuple[_Worker, Submit, Future[Any]]] = {}
        self._next_status = 0.0
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.set(zmq.ROUTER_MANDATORY, 1)  # an error for a worker that is gone or full, instead of silence
        self._socket.set(zmq.SNDHWM, MAX_UNREAD_DELIVERIES)
        self._socket.set(zmq.RCVHWM, 0)
        self._socket.set(zmq.LINGER, 0)
        self._socket.bind(endpoint)

    def run(self) -> NoReturn:
        """Until the process is ended, or a step fails: then its exception goes through, and the process with it."""
        while True:
            if not self._engine.has_unfinished:
                self._deliver(self._status(), everyone=True)
                self._socket.poll(self._patience())
            received = self._receive()
            if self._add_prepared() or received:
                self._deliver(self._status())  # a client waits for its request to be accepted, and steps may be long
            if self._engine.has_unfinished:
                self._step()

    def _receive(self) -> bool:
        """Carries out what has come in; says whether anything has."""
        received = False
        while True:
            try:
                identity, data = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return received
            received = True
            worker, command = self._workers.setdefault(identity, _Worker()), decode_command(data)
            if worker.is_deaf and not isinstance(command, Hello):
                continue  # sent before it knew that its requests are dropped: it will be sent again
            match command:
                case Hello():
                    worker.is_deaf = False
                case Submit() as submit:
                    self._submit(worker, submit)
                case Abort(request_id):
                    self._abort(request_id)
                case AnswerNow(answer_id):
                    self._answer_now(worker, answer_id)

    def _patience(self) -> int | None:
        """Milliseconds that an idle engine may sleep."""
        if self._preparing:
            return PREPARED_MILLISECONDS
        return RETRY_MILLISECONDS if any(worker.is_reset for worker in self._workers.values()) else None

    def _submit(self, worker: _Worker, submit: Submit) -> None:
        """Takes a request, at once or when what it needs is prepared."""
        self._abort(submit.request_id)  # sent again: what the worker says now holds
        try:
            prepared = self._engine.prepare(submit.params)
        except SampanError as error:
            worker.refused.append(Refusal.of(submit.request_id, error))
            return
        if prepared is None or prepared.done():
            self._add(worker, submit, prepared)
        else:
            self._preparing[submit.request_id] = worker, submit, prepared

    def _answer_now(self, asking: _Worker, answer_id: str) -> None:
        """Ends the thoughts of an answer, and tells its worker, who would have later engines do the same."""
        for request_id, (worker, submit, prepared) in self._preparing.items():
            if is_of(request_id, answer_id):
                self._preparing[request_id] = worker, msgspec.structs.replace(submit, answer_now=True), prepared
                worker.asked_to_answer.append(request_id)
        for request_id, worker in self._owners.items():
            if is_of(request_id, answer_id):
                self._engine.answer_now(request_id)
                worker.asked_to_answer.append(request_id)
        asking.answers[answer_id] = any(
            is_of(request_id, answer_id) for request_id in (*self._preparing, *self._owners)
        )

    def _add_prepared(self) -> bool:
        """Adds those that need not wait any longer; says whether there were any."""
        done = [request_id for request_id, (_, _, prepared) in self._preparing.items() if prepared.done()]
        for request_id in done:
            self._add(*self._preparing.pop(request_id))
        return bool(done)

    def _add(self, worker: _Worker, submit: Submit, prepared: Future[Any] | None) -> None:
        request = Request(
            submit.request_id,
            submit.prompt_token_ids,
            submit.params,
            output_token_ids=submit.output_token_ids,
            num_prompt_logprobs=submit.num_prompt_logprobs,
            cache_salt=submit.cache_salt,
            tenant=submit.tenant,
            priority=submit.priority,
            deadline=submit.deadline,
            answer_now=submit.answer_now,
        )
        try:
            if prepared is not None:
                prepared.result()
            self._engine.add_request(request, accepted_before=submit.accepted_before)
        except SampanError as error:
            worker.refused.append(Refusal.of(submit.request_id, error))
        except Exception as error:
            logger.exception("a request could not be taken")
            failure = EngineError(f"the engine failed: {type(error).__name__}", remedy="see the server's log")
            worker.refused.append(Refusal.of(submit.request_id, failure))
        else:
            worker.accepted.append(submit.request_id)
            worker.requests.add(submit.request_id)
            self._owners[submit.request_id] = worker

    def _abort(self, request_id: str) -> None:
        self._preparing.pop(request_id, None)
        self._engine.abort(request_id)
        self._forget(request_id)

    def _forget(self, request_id: str) -> None:
        worker = self._owners.pop(request_id, None)
        if worker is not None:
            worker.requests.discard(request_id)

    def _step(self) -> None:
        self._watch.begin()
        outputs = self._engine.step()
        self._watch.end()
        owners = self._owners
        for output in outputs:
            worker = owners[output.request_id]
            worker.outputs.append(output)
            if output.finish_reason is not None:
                self._forget(output.request_id)
        now = time.monotonic()
        everyone = now >= self._next_status
        if everyone:
            self._next_status = now + STATUS_SECONDS
        self._deliver(self._status(), everyone=everyone)

    def _deliver(self, status: EngineStatus, *, everyone: bool = False) -> None:
        """Sends each worker what it has to know; to `everyone`, at least the status if it has changed."""
        for identity, worker in list(self._workers.items()):
            due = worker.outputs or worker.accepted or worker.refused or worker.asked_to_answer or worker.answers
            if not due and not (everyone and (worker.is_reset or worker.last_status != status)):
                continue
            message = encode(worker.delivery(status))
            try:
                self._socket.send_multipart((identity, message), zmq.NOBLOCK)
                worker.is_reset, worker.last_status = False, status
            except zmq.Again:
                if not worker.is_deaf:
                    logger.warning("a worker does not read; it will have to send its requests again")
                    self._drop(worker)
                    worker.is_reset = worker.is_deaf = True
            except zmq.ZMQError as error:
                if error.errno != errno.EHOSTUNREACH:
                    raise
                self._drop(worker)
                del self._workers[identity]

    def _drop(self, worker: _Worker) -> None:
        """Ends a worker's requests."""
        for request_id in worker.requests:
            self._engine.abort(request_id)
            del self._owners[request_id]
        worker.requests.clear()
        self._preparing = {key: entry for key, entry in self._preparing.items() if entry[0] is not worker}

    def _status(self) -> EngineStatus:
        engine, scheduler, kv_cache = self._engine, self._engine.scheduler, self._engine.kv_cache
        return EngineStatus(
            ready=True,
            reason="ready",
            num_running=len(scheduler.running),
            num_waiting=len(scheduler.waiting),
            num_blocks=kv_cache.pool.num_blocks,
            num_free_blocks=kv_cache.pool.num_free,
            num_waiting_tokens=scheduler.waiting.num_tokens,
            queue_room=scheduler.waiting.room,
            tenant_share=scheduler.waiting.share,
            retry_after=scheduler.retry_after(),
            num_preemptions=scheduler.num_preemptions,
            num_queried_tokens=kv_cache.num_queried_tokens,
            num_hit_tokens=kv_cache.num_hit_tokens,
            num_drafted_tokens=engine.num_drafted_tokens,
            num_accepted_tokens=engine.num_accepted_tokens,
        )
