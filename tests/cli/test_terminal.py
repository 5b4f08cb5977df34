"""Nothing that a model writes steers a terminal."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.cli.terminal import Style, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a␛[2Jb"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x9b31m", "\ufffd31m"),
        ("back\bspace\x7f", "back␈space␡"),
        ("CR\r\nLF", "CR\nLF"),
        ("line\n\ttab", "line\n\ttab"),
        ("舢板 🚣 é", "舢板 🚣 é"),
    ],
)
def test_control_characters_are_shown_and_not_sent(text, shown):
    assert printable(text) == shown


def test_one_line_stays_one_line():
    assert printable("a\nb\tc", lines=False) == "a b c"


@given(st.text())
def test_no_control_character_survives(text):
    shown = printable(text)
    assert len(shown) == len(text.replace("\r", ""))
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown if c not in "\n\t")


def test_style_only_where_a_terminal_can_show_it(terminal, monkeypatch):
    assert Style.of(terminal).dim("x") == "\x1b[2mx\x1b[0m"
    assert Style.of(terminal).dim("") == ""
    assert Style.of(io.StringIO()).dim("x") == "x"
    monkeypatch.setenv("TERM", "dumb")
    assert Style.of(terminal).error("x") == "x"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert Style.of(terminal).bold("x") == "x"
