"""A spinner for those who wait, and for nobody else."""

import io
import sys
import threading

from sampan.cli import progress as module
from sampan.cli.progress import progress


def test_nothing_without_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    with progress("Loading"):
        pass
    assert stream.getvalue() == ""


def test_nothing_for_what_is_quick(monkeypatch, terminal):
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("Loading"):
        pass
    assert terminal.getvalue() == ""


def test_says_what_takes_so_long(monkeypatch, terminal):
    shown = threading.Event()
    write = terminal.write

    def watch(text):
        if "Loading [x]" in text:
            shown.set()
        return write(text)

    monkeypatch.setattr(terminal, "write", watch)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    with progress("Loading [x]"):
        assert shown.wait(60)
