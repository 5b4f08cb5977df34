"""A child process as the supervisor holds it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from sampan.cluster.control import Channel, FromChild, channel_pair

MAX_STOPPED_TICKS = 4
MAX_SILENT_TICKS = 20
# What a large request took is given back when it is done: glibc would raise these two by itself, and keep it.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}


class Child:
    """Starts `python -m MODULE FD ...` with its control channel at FD. The child has a session of its own, so that a
    terminal's Ctrl-C reaches the supervisor alone, and its standard output goes where errors go.

    Args:
        module: to run.
        order: the first message to it, encoded.
        inherited: other descriptors that it keeps, at the same numbers; they follow FD on its command line.
    """

    def __init__(self, module: str, order: bytes, inherited: Sequence[int] = ()) -> None:
        ours, theirs = channel_pair()
        fds = (theirs.fileno(), *inherited)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *map(str, fds)],
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=fds,
                start_new_session=True,
                env={**ALLOCATOR, **os.environ},
            )
        self.channel: Channel = Channel(ours, FromChild)
        self.channel.send(order)
        self.pid = self._process.pid
        self.ready_since: float | None = None
        self.has_heartbeat = False
        self._num_silent_ticks = 0
        self._num_stopped_ticks = 0

    def receive(self) -> list[FromChild]:
        """What it has said since the last call."""
        messages: list[FromChild] = []
        try:
            while (message := self.channel.receive()) is not None:
                messages.append(message)
        except EOFError:  # it is about to end, if it has not yet
            pass
        if messages:
            self._num_silent_ticks = 0
        return messages

    def tick(self) -> str:
        """To be called at a steady pace, after `receive`. Says why the child has to be replaced; empty where it has
        not.

        Ticks are counted, not seconds: where the supervisor itself was stopped or starved, nobody is to blame.
        """
        self._num_stopped_ticks = self._num_stopped_ticks + 1 if self._is_stopped() else 0
        if self._num_stopped_ticks >= MAX_STOPPED_TICKS:
            return "is stopped"
        self._num_silent_ticks += 1
        if self.has_heartbeat and self._num_silent_ticks >= MAX_SILENT_TICKS:
            return "gives no sign of life"
        return ""

    def _is_stopped(self) -> bool:
        try:
            return os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return False

    def poll(self) -> int | None:
        """The exit code once it has ended, negative for a signal."""
        return self._process.poll()

    def send_signal(self, number: signal.Signals) -> None:
        """Harmless where it has ended."""
        self._process.send_signal(number)

    def end(self) -> None:
        """Kills it if it still runs, and waits until it is gone."""
        self._process.kill()
        self._process.wait()
        self.channel.close()


def describe_exit(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
