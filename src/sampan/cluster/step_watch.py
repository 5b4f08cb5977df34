"""Keeps an eye on a step loop from a thread of its own, so that an engine that hangs is replaced.

Three things can be wrong. The whole process stands still: then no heartbeat reaches the supervisor, which ends it. The
process runs but a step never ends: then this thread ends it. The supervisor is gone: then this thread ends it too.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import select
import threading
import time

from sampan.cluster.control import Channel, Heartbeat
from sampan.engine.engine import Engine

logger = logging.getLogger(__name__)

INTERVAL = 0.25  # seconds between two heartbeats
FIRST_STEP_SECONDS = 600.0  # of a first step, with whatever is set up in it
MIN_STEP_SECONDS = 10.0
MARGIN = 4.0
HUNG = 70  # exit code


def longest_legal_step(num_tokens: int, fastest: float | None) -> float:
    """Seconds after which a step of `num_tokens` hangs.

    No step takes longer than its tokens one by one, and one by one each takes about as long as the fastest step that
    was ever seen: it had one token at least.
    """
    if fastest is None:
        return FIRST_STEP_SECONDS
    return MIN_STEP_SECONDS + MARGIN * max(num_tokens, 1) * fastest


class StepWatch:
    """Watches once it is started; the step loop says when a step begins and ends.

    Args:
        channel: to the supervisor.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._engine: Engine | None = None
        self._started: float | None = None
        self._fastest: float | None = None

    def start(self) -> None:
        """Starts the thread."""
        threading.Thread(target=self._run, name="step-watch", daemon=True).start()

    def watch(self, engine: Engine) -> None:
        """Says whose steps follow."""
        self._engine = engine

    def begin(self) -> None:
        """A step begins."""
        self._started = time.monotonic()

    def end(self) -> None:
        """The step has ended."""
        started, self._started = self._started, None
        if started is not None:
            taken = time.monotonic() - started
            if self._fastest is None or taken < self._fastest:
                self._fastest = taken

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        while True:
            if poll.poll(INTERVAL * 1000):
                os._exit(0)  # the supervisor says nothing after its order: it is gone
            if self._engine is not None:
                self._end_if_hung(self._engine)
            self._channel.send(Heartbeat())

    def _end_if_hung(self, engine: Engine) -> None:
        started = self._started
        if started is None or time.monotonic() - started < MIN_STEP_SECONDS:
            return
        running = list(engine.scheduler.running)
        pending = sum(request.num_pending_tokens for request in running)
        limit = longest_legal_step(min(pending, engine.config.max_num_batched_tokens), self._fastest)
        if time.monotonic() - started > limit and started == self._started:
            logger.error("a step has taken more than %.0f s: the engine hangs and ends", limit)
            faulthandler.dump_traceback(all_threads=True)
            os._exit(HUNG)
