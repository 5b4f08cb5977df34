"""What the supervisor and its children say to each other, over a pair of sockets that each child inherits.

A closed pair means that the other side is gone. Messages are small and rare, and whatever the supervisor tells a worker
is the whole state, so that a message missed is repaired by the next.
"""

from __future__ import annotations

import socket
from typing import Any

import msgspec

from sampan import errors
from sampan.cluster.log import LogStyle
from sampan.config import EngineConfig, ModelConfig
from sampan.errors import SampanError

MAX_MESSAGE_BYTES = 65536


class EngineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine process shall load; see `sampan.engine.load_model`."""

    model: str | None = None
    precision: str = "auto"
    kv_cache: str = "auto"
    backend: str = "auto"
    device: str | None = None
    threads: int | None = None
    load_format: str = "auto"
    memory_limit: int | None = None
    config: EngineConfig = EngineConfig()


class EngineOrder(msgspec.Struct, frozen=True):
    """The supervisor's first and only words to an engine process."""

    spec: EngineSpec
    endpoint: str  # to bind, for workers
    log: LogStyle


class LoadProgress(msgspec.Struct, frozen=True, tag=True):
    """How far loading has come."""

    what: str
    done: int
    total: int


class ErrorParts(msgspec.Struct, frozen=True, array_like=True):
    """An error of Sampan's tree as it travels: its class, and the arguments that it is made of."""

    kind: str
    message: str
    details: dict[str, Any]

    @classmethod
    def of(cls, error: SampanError) -> ErrorParts:
        details = {name: value for name, value in vars(error).items() if name != "message"}
        return cls(type(error).__name__, error.message, details)

    def error(self) -> SampanError:
        """The error again."""
        kind: type[SampanError] = getattr(errors, self.kind)
        return kind(self.message, **self.details)


class LoadFailed(msgspec.Struct, frozen=True, tag=True):
    """The model cannot be used."""

    parts: ErrorParts


class ModelInfo(msgspec.Struct, frozen=True):
    """What workers need to know of a loaded model."""

    name: str
    path: str
    version: str
    config: ModelConfig
    max_model_len: int


class EngineReady(msgspec.Struct, frozen=True, tag=True):
    """The engine has bound its endpoint and answers there."""

    model: ModelInfo


class WorkerReady(msgspec.Struct, frozen=True, tag=True):
    """The worker accepts connections and has an engine."""


class Heartbeat(msgspec.Struct, frozen=True, tag=True):
    """The process runs."""


FromChild = LoadProgress | LoadFailed | EngineReady | WorkerReady | Heartbeat


class ProcessState(msgspec.Struct, frozen=True):
    """A process, as `GET /admin/status` shows it."""

    pid: int


class EngineState(msgspec.Struct, frozen=True):
    """An engine process; `model` and `model_version` are empty until one has loaded."""

    pid: int
    model: str
    model_version: str
    state: str  # loading, ready


class ClusterState(msgspec.Struct, frozen=True):
    """All processes."""

    supervisor: ProcessState
    workers: list[ProcessState]
    engines: list[EngineState]
    num_engine_restarts: int = 0  # those that died or hung and were replaced
    num_worker_restarts: int = 0


class Situation(msgspec.Struct, frozen=True, tag=True):
    """What the supervisor tells its workers whenever it changes.

    Args:
        endpoint: where the engine that shall be used listens; None while there is none.
        model: what it has loaded.
        failure: why there will be no engine any more.
    """

    cluster: ClusterState
    endpoint: str | None = None
    model: ModelInfo | None = None
    failure: str | None = None


class Channel:
    """One end of a pair. A `SOCK_SEQPACKET` socket keeps messages whole.

    Args:
        receives: the type of the messages that come in.
    """

    def __init__(self, end: socket.socket, receives: Any) -> None:
        end.setblocking(False)
        self._end = end
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(receives)

    def fileno(self) -> int:
        return self._end.fileno()

    def send(self, message: msgspec.Struct | bytes) -> bool:
        """Sends a message, or one that is encoded already, if there is room for it; false if there is none."""
        data = message if isinstance(message, bytes) else msgspec.msgpack.encode(message)
        try:
            self._end.send(data)
            return True
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError):
            return True  # nobody is there to miss it

    def receive(self) -> Any:
        """The next message, None if there is none yet.

        Raises:
            EOFError: the other side is gone.
        """
        try:
            data = self._end.recv(MAX_MESSAGE_BYTES)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            raise EOFError from None
        if not data:
            raise EOFError
        return self._decoder.decode(data)

    def wait(self) -> Any:
        """The next message, once it is there.

        Raises:
            EOFError: the other side is gone.
        """
        self._end.setblocking(True)
        try:
            return self.receive()
        finally:
            self._end.setblocking(False)

    def close(self) -> None:
        self._end.close()


def channel_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends: the supervisor's and the child's."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
