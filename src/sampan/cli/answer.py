"""Prints one answer as it comes: the thought dimmed, then the answer plain.

Where the stream shows no style (a file, a pipe, NO_COLOR) the thought stands between `<think>` and `</think>`
instead, so that a reader of the log still sees which is which. Either way an empty line parts the two.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from sampan.cli.conversation import Answer
from sampan.cli.progress import progress
from sampan.cli.terminal import Style, printable


def print_answer(answer: Answer, stopped: Callable[[], bool] = lambda: False) -> None:
    """Prints an answer on stdout until it ends or `stopped` says so, and closes it either way."""
    printer = AnswerPrinter(sys.stdout)
    deltas = iter(answer)
    try:
        with progress("Reading the prompt"):
            delta = next(deltas, None)
        while delta is not None:
            printer.reasoning(delta.reasoning)
            printer.content(delta.content)
            delta = None if stopped() else next(deltas, None)
    finally:
        answer.close()
        printer.close()


class AnswerPrinter:
    """Takes the pieces of one answer in order; `close` ends the line, wherever the answer stopped.

    Args:
        stream: where to print; flushed after each piece.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._style = Style.of(stream)
        self._part = ""  # "reasoning" or "content" once something of it was printed
        self._at_line_start = True

    def reasoning(self, text: str) -> None:
        """Prints more of the thought."""
        if not text:
            return
        if self._part == "" and not self._style.enabled:
            self._write("<think>\n")
        self._part = "reasoning"
        self._write(printable(text), dim=True)

    def content(self, text: str) -> None:
        """Prints more of the answer."""
        if not text:
            return
        if self._part == "reasoning":
            self._end_reasoning()
            self._write("\n")
        self._part = "content"
        self._write(printable(text))

    def close(self) -> None:
        """Ends the answer, also in the middle of a thought."""
        if self._part == "reasoning":
            self._end_reasoning()
        elif not self._at_line_start:
            self._write("\n")

    def _end_reasoning(self) -> None:
        if not self._at_line_start:
            self._write("\n")
        if not self._style.enabled:
            self._write("</think>\n")

    def _write(self, text: str, *, dim: bool = False) -> None:
        self._stream.write(self._style.dim(text) if dim else text)
        self._stream.flush()
        self._at_line_start = text.endswith("\n")
