"""How an answer looks, whole or cut, on a terminal and in a file."""

import io

import pytest

from sampan.cli.answer import AnswerPrinter

DIM, END = "\x1b[2m", "\x1b[0m"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def show(stream, *pieces):
    printer = AnswerPrinter(stream)
    for part, text in pieces:
        getattr(printer, part)(text)
    printer.close()
    return stream.getvalue()


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (
            [("reasoning", "I "), ("reasoning", "see."), ("content", "Yes"), ("content", ".")],
            "<think>\nI see.\n</think>\n\nYes.\n",
        ),
        ([("reasoning", "I see.\n"), ("content", "Yes.\n")], "<think>\nI see.\n</think>\n\nYes.\n"),
        ([("reasoning", "I s")], "<think>\nI s\n</think>\n"),
        ([("content", "Yes.")], "Yes.\n"),
        ([("reasoning", ""), ("content", "")], ""),
        ([("content", "\x1b[2J")], "␛[2J\n"),
    ],
)
def test_in_a_file(pieces, expected):
    assert show(io.StringIO(), *pieces) == expected


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([("reasoning", "I see."), ("content", "Yes.")], f"{DIM}I see.{END}\n\nYes.\n"),
        ([("reasoning", "I"), ("reasoning", " see.")], f"{DIM}I{END}{DIM} see.{END}\n"),
        ([("content", "Yes.")], "Yes.\n"),
    ],
)
def test_on_a_terminal(monkeypatch, pieces, expected):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert show(Terminal(), *pieces) == expected
