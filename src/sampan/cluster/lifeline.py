"""A child's tie to the supervisor. No process outlives it, however it ends."""

from __future__ import annotations

import ctypes
import signal
import socket
from typing import Any

from sampan.cluster.control import Channel

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def attach(fd: int, receives: Any) -> Channel:
    """Takes up the control channel at an inherited descriptor, and has the kernel kill this process when the
    supervisor is gone. Whoever reads the channel must end the process at EOFError as well: the supervisor may have
    died before this call.

    Args:
        receives: what the supervisor sends.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return Channel(socket.socket(fileno=fd), receives)
