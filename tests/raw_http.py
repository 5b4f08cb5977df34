"""HTTP over a bare socket: what no client would send."""

from __future__ import annotations

import json
import socket
from typing import Any


def talk(live: Any, *pieces: bytes) -> bytes:
    """Sends and reads to the end; the server may close before all is sent."""
    with socket.create_connection((live.host, live.port), timeout=20) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except OSError:
            pass
        received = b""
        try:
            while data := connection.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        return received


def status_and_error(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Of one answer, with which the connection ended."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]
