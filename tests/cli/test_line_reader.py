"""Messages from lines."""

import io

import pytest

from sampan.cli.line_reader import PipeReader


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("one\ntwo\r\nthree", ["one", "two", "three"]),
        ("one\n\ntwo\n", ["one", "", "two"]),
        ('"""one\ntwo"""\nthree\n', ["one\ntwo", "three"]),
        ('"""\none\n\ntwo\n"""\n', ["one\n\ntwo"]),
        ('"""one"""\n', ["one"]),
        ('"""one\ntwo', ["one\ntwo"]),
        ("", []),
    ],
)
def test_messages(text, messages):
    assert list(iter(PipeReader(io.StringIO(text)), None)) == messages
