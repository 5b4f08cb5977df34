"""What a pull says where nobody watches, and where somebody does."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from sampan.cli import download as module
from sampan.cli.download import Download
from sampan.hub import Plan, Terms, make_order
from sampan.zoo import find

GB = 10**9


@pytest.fixture
def order():
    return make_order("org/repo", source="https://hub.example")


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock.now)
    return clock


def test_lines_now_and_then(order, clock, capsys):
    with Download(order) as download:
        download.begins(Plan(order, "c" * 40, 10 * GB, 8 * GB, "b" * 40))
        for second in range(25):
            clock.now = 1000.0 + second
            download.reports("Fetching", (2 * GB) + second * GB // 10, 10 * GB)
    assert capsys.readouterr().err.splitlines() == [
        "org/repo at cccccccccccc from https://hub.example, 10.0 GB",
        "main has moved on from bbbbbbbbbbbb; files that are the same are kept",
        "2.0 GB of it are here already",
        "Fetching: 30%, 3.0 GB of 10.0 GB, 100.0 MB/s, 1 min 10 s left",
        "Fetching: 40%, 4.0 GB of 10.0 GB, 100.0 MB/s, 1 min 0 s left",
    ]


def test_the_licence_and_the_room_for_packing_are_told(order, monkeypatch, capsys):
    monkeypatch.setattr(module, "disk_usage", lambda path: SimpleNamespace(free=9 * GB))
    download = Download(order)
    download.learns(Terms("MIT", find("qwen-7b").config, 1 * GB))
    download.learns(Terms("", None, 1 * GB))
    assert capsys.readouterr().err.splitlines() == [
        "licence: MIT",
        "using it takes another 8.6 GB of disk, for its weights packed as int8",
        "the disk will have only 8.0 GB for them: free some space before",
        "licence: none stated; see the README",
    ]


def test_a_stop_says_how_to_go_on(order, capsys):
    with pytest.raises(KeyboardInterrupt), Download(order):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "stopped; what has come is kept: the same command goes on from here\n"


def test_a_terminal_gets_a_bar(order, terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal)
    with Download(order) as download:
        download.begins(Plan(order, "", 10 * GB, 10 * GB, ""))
        download.reports("Fetching", 5 * GB, 10 * GB)
        download.learns(Terms("mit", None, 5 * GB))
        download.reports("Fetching", 6 * GB, 10 * GB)
    shown = terminal.getvalue()
    assert "Fetching" in shown
    assert "licence: mit" in shown
