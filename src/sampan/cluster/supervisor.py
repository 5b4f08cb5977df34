"""The parent of all: it starts the engine and the API workers, replaces whoever dies, and ends them.

It knows no request and no tensor, so nothing a client sends can make it fail. One thread, one loop of short turns.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType

import msgspec

from sampan.cluster.child import Child, describe_exit
from sampan.cluster.control import (
    ClusterState,
    EngineOrder,
    EngineReady,
    EngineSpec,
    EngineState,
    FromChild,
    Heartbeat,
    LoadFailed,
    LoadProgress,
    ModelInfo,
    ProcessState,
    Situation,
    WorkerReady,
)
from sampan.cluster.log import LogStyle
from sampan.cluster.restarts import Restarts
from sampan.cluster.socket_directory import socket_directory
from sampan.errors import EngineError, SampanError

logger = logging.getLogger(__name__)

ENGINE_MODULE = "sampan.cluster.engine_process"
TICK = 0.25  # seconds
GRACE = 10.0  # seconds that workers get to end beyond what they were given
SIGNALS = (signal.SIGTERM, signal.SIGINT)
SIGNAL_MEANINGS = ("open requests may end", "open requests are cut", "all processes are killed")  # first, second, third


EARLY_REMEDY = "the log above says why; if it does not, memory may be full: use a smaller model or --precision int4"


@dataclass(slots=True)
class _Place:
    """Where a process ought to run."""

    name: str
    start: Callable[[], Child]
    child: Child | None = None
    restarts: Restarts = field(default_factory=Restarts)
    due: float = 0.0  # when to start the next
    num_restarts: int = 0


class Supervisor:
    """Use it as a context manager in the main thread: whatever happens, no process is left behind.

    Args:
        spec: what the engine loads.
        log: of the engine process.
        worker_module: a module that runs a worker: `python -m MODULE CONTROL_FD INHERITED_FD...`.
        worker_order: its first message.
        inherited: descriptors for workers, such as the listening socket's.
        num_workers: at least 1.
        drain_seconds: that workers give open requests once they are told to end.

    Example:
        >>> with Supervisor(spec, ...) as supervisor:
        ...     if supervisor.start(lambda what, done, total: None):
        ...         supervisor.run()
    """

    def __init__(
        self,
        spec: EngineSpec,
        *,
        log: LogStyle,
        worker_module: str,
        worker_order: bytes,
        inherited: Sequence[int],
        num_workers: int,
        drain_seconds: float,
    ) -> None:
        self._spec, self._log = spec, log
        self._drain_seconds = drain_seconds
        self._num_engines = 0
        self._engine = _Place("engine", self._start_engine)
        self._workers = [
            _Place(f"worker {index}", lambda: Child(worker_module, worker_order, inherited))
            for index in range(num_workers)
        ]
        self._model: ModelInfo | None = None
        self._endpoint = ""
        self._failure: SampanError | None = None
        self._on_progress: Callable[[str, int, int], None] = lambda what, done, total: None
        self._told: dict[int, bytes] = {}  # worker's pid -> the situation it knows
        self._signals: list[signal.Signals] = []
        self._num_signals = 0
        self._last_signal: signal.Signals | None = None
        self._ends_at: float | None = None  # draining; then workers that still run are killed
        self._next_tick = 0.0
        self._stack = ExitStack()

    # ---- life -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Supervisor:
        with ExitStack() as stack:
            self._directory: Path = stack.enter_context(socket_directory())
            self._selector = stack.enter_context(selectors.DefaultSelector())
            self._handle_signals(stack)
            stack.callback(self._end_all)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def directory(self) -> Path:
        """For what its processes share; nobody else can enter it, and it is removed at the end."""
        return self._directory

    def start(self, on_progress: Callable[[str, int, int], None]) -> bool:
        """Starts all and waits until all are ready. False where SIGTERM came first.

        Raises:
            KeyboardInterrupt: SIGINT came first.
            SampanError: the model cannot be used, or a process failed too often.
        """
        self._on_progress = on_progress
        places = (self._engine, *self._workers)
        while not all(place.child is not None and place.child.ready_since is not None for place in places):
            self._turn()
            if self._failure is not None:
                raise self._failure
            if self._ends_at is not None:
                if self._last_signal is signal.SIGINT:
                    raise KeyboardInterrupt
                return False
        return True

    def run(self) -> None:
        """Until a signal; then workers let open requests end. A second signal cuts those, a third kills.

        Raises:
            EngineError: processes failed too often; workers have told those who waited.
        """
        while self._ends_at is None or any(place.child is not None for place in self._workers):
            self._turn()
        if self._failure is not None:
            raise self._failure

    def _end_all(self) -> None:
        for place in (*self._workers, self._engine):
            if place.child is not None:
                self._remove(place)

    def _handle_signals(self, stack: ExitStack) -> None:
        """Signals wake the loop through a socket; it acts upon them in its own time."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            stack.enter_context(end)
            end.setblocking(False)
        stack.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False))
        for number in SIGNALS:
            stack.callback(signal.signal, number, signal.signal(number, self._note_signal))
        stack.callback(signal.signal, signal.SIGCHLD, signal.signal(signal.SIGCHLD, lambda number, frame: None))
        self._selector.register(ours, selectors.EVENT_READ, ours)

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(signal.Signals(number))

    # ---- one turn ---------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Waits for something to happen, a tick at most, and sets right what has to be."""
        now = time.monotonic()
        due = min((place.due for place in (self._engine, *self._workers) if place.child is None), default=now + TICK)
        for key, _ in self._selector.select(max(0.0, min(due, self._next_tick) - now)):
            if isinstance(key.data, socket.socket):
                with suppress(BlockingIOError):
                    key.data.recv(4096)
            else:
                self._listen(key.data)
        self._act_on_signals()
        self._reap()
        if time.monotonic() >= self._next_tick:
            self._next_tick = time.monotonic() + TICK
            self._tick()
        self._start_due()
        self._tell_workers()

    def _listen(self, place: _Place) -> None:
        assert place.child is not None
        for message in place.child.receive():
            self._take(place, place.child, message)

    def _take(self, place: _Place, child: Child, message: FromChild) -> None:
        match message:
            case Heartbeat():
                pass
            case LoadProgress(what, done, total):
                self._on_progress(what, done, total)
            case EngineReady(model):
                child.ready_since, child.has_heartbeat = time.monotonic(), True
                self._model = model
                logger.info("engine %d is ready with %s", child.pid, model.name)
            case WorkerReady():
                child.ready_since = time.monotonic()
            case LoadFailed(parts):
                error = parts.error()
                if self._model is None:  # it never worked, so it is the user's to mend
                    self._give_up(error)
                else:
                    logger.error("the engine could not load its model again: %s", error)

    def _act_on_signals(self) -> None:
        while self._signals:
            number = self._last_signal = self._signals.pop(0)
            self._num_signals += 1
            meaning = SIGNAL_MEANINGS[min(self._num_signals, len(SIGNAL_MEANINGS)) - 1]
            logger.info("%s: %s", number.name, meaning)
            if self._num_signals > 2:
                self._end_all()
            self._drain()

    def _drain(self) -> None:
        """Tells workers to end; again, to end at once."""
        if self._ends_at is None:
            self._ends_at = time.monotonic() + self._drain_seconds + GRACE
        for place in self._workers:
            if place.child is not None:
                place.child.send_signal(signal.SIGTERM)

    def _reap(self) -> None:
        for place in (self._engine, *self._workers):
            if place.child is None or (code := place.child.poll()) is None:
                continue
            self._listen(place)  # what it said before
            child = place.child
            self._remove(place)
            if self._ends_at is not None and place is not self._engine:
                continue
            logger.warning("%s (process %d) %s", place.name, child.pid, describe_exit(code))
            place.num_restarts += 1
            delay = place.restarts.delay(time.monotonic(), child.ready_since)
            if not place.restarts.is_proven and (delay is None or code >= 0):  # it would end in the same way again
                self._give_up(EngineError(f"the {place.name} {describe_exit(code)} at its start", remedy=EARLY_REMEDY))
            elif delay is None:
                self._give_up(
                    EngineError(f"the {place.name} {describe_exit(code)} too often", remedy="the log above says why")
                )
            else:
                place.due = time.monotonic() + delay

    def _tick(self) -> None:
        for place in (self._engine, *self._workers):
            if place.child is not None and (trouble := place.child.tick()):
                logger.error("%s (process %d) %s and is replaced", place.name, place.child.pid, trouble)
                place.child.send_signal(signal.SIGKILL)
        if self._ends_at is not None and time.monotonic() > self._ends_at:
            for place in self._workers:
                if place.child is not None:
                    place.child.send_signal(signal.SIGKILL)

    def _start_due(self) -> None:
        now = time.monotonic()
        drains = self._ends_at is not None
        served = not drains or any(place.child is not None for place in self._workers)
        for place in (self._engine, *self._workers):
            wanted = self._failure is None and (served if place is self._engine else not drains)
            if place.child is None and not wanted:
                place.due = now + TICK
            elif place.child is None and now >= place.due:
                place.child = place.start()
                self._selector.register(place.child.channel, selectors.EVENT_READ, place)

    def _remove(self, place: _Place) -> None:
        assert place.child is not None
        self._told.pop(place.child.pid, None)
        self._selector.unregister(place.child.channel)
        place.child.end()
        place.child = None

    def _give_up(self, error: SampanError) -> None:
        """Workers tell those who wait, and end."""
        if self._failure is None:
            self._failure = error
            self._tell_workers()
            self._drain()

    # ---- what workers know ------------------------------------------------------------------------------------------

    def _start_engine(self) -> Child:
        self._num_engines += 1
        self._endpoint = f"ipc://{self._directory}/engine-{self._num_engines}.sock"
        order = EngineOrder(self._spec, self._endpoint, self._log)
        return Child(ENGINE_MODULE, msgspec.msgpack.encode(order))

    def _tell_workers(self) -> None:
        """Tells every worker how things stand, unless it knows."""
        data = msgspec.msgpack.encode(self._situation())
        for place in self._workers:
            child = place.child
            if child is not None and self._told.get(child.pid) != data and child.channel.send(data):
                self._told[child.pid] = data

    def _situation(self) -> Situation:
        model, engine = self._model, self._engine.child
        engines = []
        is_ready = engine is not None and engine.ready_since is not None
        if engine is not None:
            name, version = (model.name, model.version) if model is not None else ("", "")
            engines.append(EngineState(engine.pid, name, version, "ready" if is_ready else "loading"))
        workers = [ProcessState(place.child.pid) for place in self._workers if place.child is not None]
        return Situation(
            ClusterState(
                ProcessState(os.getpid()),
                workers,
                engines,
                self._engine.num_restarts,
                sum(place.num_restarts for place in self._workers),
            ),
            self._endpoint if is_ready else None,
            model,
            self._failure.message if self._failure is not None else None,
        )
