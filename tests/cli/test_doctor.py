"""`sampan doctor` shows what was found."""

import json

import pytest

from sampan.cli import checks
from sampan.cli.checks import FAIL, OK, WARN, Finding
from sampan.cli.main import main

FINE = [Finding("python", OK, "3.11"), Finding("port", WARN, "8000 is in use", "take 8001")]
BAD = [*FINE, Finding("paddle", FAIL, "no module", "install it")]


@pytest.mark.parametrize(("findings", "code"), [(FINE, 0), (BAD, 1)])
def test_exit_code_and_json(monkeypatch, capsys, findings, code):
    monkeypatch.setattr(checks, "examine", lambda port: iter(findings))
    assert main(["doctor", "--json"]) == code
    assert json.loads(capsys.readouterr().out) == [finding._asdict() for finding in findings]


def test_the_table_puts_a_remedy_below_its_finding(monkeypatch, capsys):
    monkeypatch.setattr(checks, "examine", lambda port: iter(BAD))
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "check   status  finding",
        "python  ok      3.11",
        "port    warn    8000 is in use",
        "                -> take 8001",
        "paddle  fail    no module",
        "                -> install it",
    ]
