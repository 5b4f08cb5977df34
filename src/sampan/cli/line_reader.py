"""Reads what the user says: one message at a time, from a terminal with line editing or from a pipe, line by line.

A message of several lines is a paste, or stands between two lines of three quotes.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

QUOTES = '"""'
PASTE_SECONDS = 0.05  # lines that arrive faster than anyone types belong to one paste
HISTORY_LENGTH = 1000


class PipeReader:
    """Messages from a stream that is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self) -> str | None:
        """The next message; None at the end."""
        return gather(lambda _: self._line())

    def _line(self) -> str:
        line = self._stream.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")


class TerminalReader:
    """Messages from the terminal. `readline` gives editing, history and, in GNU's version, pastes as a whole.

    Args:
        prompt: shown before each message.
        history: the file that keeps what was said, readable by its owner alone; None keeps nothing.
    """

    def __init__(self, prompt: str, history: Path | None) -> None:
        import readline

        self._readline = readline
        # readline must know which characters take no room on the line, or it would misplace the cursor.
        self._prompt = re.sub("(\x1b\\[[0-9;]*m)", "\x01\\1\x02", prompt)
        self._history = history
        self._pastes_line_by_line = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("set enable-bracketed-paste on")  # a paste is one message, whatever lines it has
        readline.set_auto_history(False)
        if history is not None:
            with contextlib.suppress(OSError):  # absent at first; libedit and GNU cannot read each other's
                history.parent.mkdir(parents=True, exist_ok=True)
                readline.read_history_file(history)
            readline.set_history_length(HISTORY_LENGTH)

    def __call__(self) -> str | None:
        """The next message; None when the user leaves with Ctrl-D.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        message = gather(lambda first: self._line(self._prompt if first else "... "))
        if message is not None and message.strip():
            self._remember(message)
        return message

    def _line(self, prompt: str) -> str:
        lines = [input(prompt)]
        while self._pastes_line_by_line and select.select([sys.stdin], [], [], PASTE_SECONDS)[0]:
            lines.append(input())
        return "\n".join(lines)

    def _remember(self, message: str) -> None:
        self._readline.add_history(" ".join(message.split("\n")))
        if self._history is not None:
            with contextlib.suppress(OSError):  # a full disk must not end the conversation
                os.close(os.open(self._history, os.O_CREAT | os.O_WRONLY, 0o600))
                self._readline.write_history_file(self._history)


def gather(read_line: Callable[[bool], str]) -> str | None:
    """One message from lines; `read_line` is told whether it reads the first, and raises EOFError at the end."""
    try:
        line = read_line(True)
    except EOFError:
        return None
    if not line.startswith(QUOTES):
        return line
    lines = [line[len(QUOTES) :]]
    while not lines[-1].endswith(QUOTES):
        try:
            lines.append(read_line(False))
        except EOFError:
            break
    return "\n".join(lines).removesuffix(QUOTES).strip("\n")
