"""How an answer looks, whole or cut, on a terminal and in a file."""

import io

import pytest

from fake_chat_model import FakeModel, converse
from sampan.cli.answer import AnswerPrinter, print_answer

DIM, END = "\x1b[2m", "\x1b[0m"


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
def test_on_a_terminal(terminal, pieces, expected):
    assert show(terminal, *pieces) == expected


def test_a_stopped_answer_is_closed_and_its_line_ended(capsys):
    model = FakeModel(endless=True)
    steps = iter([False, False, True])
    print_answer(converse(model).ask("hi"), lambda: next(steps))
    assert capsys.readouterr().out == "<think>\nabout hi\n</think>\n\nhi\n"
    assert model.num_open == 0
