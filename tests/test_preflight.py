"""`make` on a machine that lacks something says what, in one line, and what to do about it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "preflight.sh"


def preflight(**environment: str) -> tuple[int, list[str]]:
    env = {**os.environ, "PYTHON": sys.executable, "CXX": "c++", **environment}
    result = subprocess.run(["bash", SCRIPT], env=env, capture_output=True, text=True, check=False)
    assert result.stdout == ""
    return result.returncode, result.stderr.splitlines()


def program(folder: Path, script: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_the_machine_that_runs_the_tests_lacks_nothing() -> None:
    assert preflight() == (0, [])


def test_no_python() -> None:
    code, (message, remedy) = preflight(PYTHON="no-such-python")
    assert (code, message) == (2, "sampan: no Python: 'no-such-python' is not found")
    assert "make PYTHON=" in remedy


@pytest.mark.parametrize("version", ["3.9", "3.14"])
def test_a_python_that_paddle_does_not_know(version: str, tmp_path: Path) -> None:
    code, (message, remedy) = preflight(PYTHON=program(tmp_path, f"echo {version}"))
    assert (code, message) == (2, f"sampan: Python {version} is not supported by PaddlePaddle 3.3")
    assert "3.10 to 3.13" in remedy


def test_no_venv(tmp_path: Path) -> None:
    script = 'case "$2" in *ensurepip*) exit 1;; *version_info*) echo 3.11;; esac'
    code, (message, remedy) = preflight(PYTHON=program(tmp_path, script))
    assert (code, message) == (2, "sampan: Python 3.11 lacks venv")
    assert "apt-get install python3.11-venv" in remedy


def test_no_headers(tmp_path: Path) -> None:
    script = 'case "$2" in *Python.h*) exit 1;; *version_info*) echo 3.11;; esac'
    code, (message, remedy) = preflight(PYTHON=program(tmp_path, script))
    assert (code, message) == (2, "sampan: Python 3.11 lacks its C headers (Python.h)")
    assert "apt-get install python3.11-dev" in remedy


def test_no_compiler() -> None:
    code, (message, remedy) = preflight(CXX="no-such-compiler")
    assert (code, message) == (2, "sampan: no C++ compiler: 'no-such-compiler' is not found")
    assert "apt-get install g++" in remedy


def test_a_compiler_without_cpp20(tmp_path: Path) -> None:
    compiler = program(tmp_path, "exit 1")
    code, (message, remedy) = preflight(CXX=compiler)
    assert (code, message) == (2, f"sampan: the C++ compiler '{compiler}' does not know C++20")
    assert "g++ 10" in remedy
