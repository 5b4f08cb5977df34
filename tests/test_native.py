"""The compiled module: which kernels it runs, and what it has."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sampan
from sampan import _native
from sampan.backends import native


def test_generic_is_always_there_and_comes_first() -> None:
    assert native.supported_isas()[0] == "generic"
    assert native.active_isa() in native.supported_isas()


def run_with_isa(value: str) -> str:
    code = (
        "from sampan.backends import native\n"
        "from sampan.errors import ConfigError\n"
        "try: print(native.active_isa())\n"
        "except ConfigError as error: print(error)\n"
    )
    env = {**os.environ, "SAMPAN_ISA": value}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize("isa", native.supported_isas())
def test_the_environment_forces_an_isa(isa: str) -> None:
    assert run_with_isa(isa) == isa


def test_the_environment_cannot_force_what_is_not_there() -> None:
    message = run_with_isa("sse9")
    known = ", ".join(native.supported_isas())
    assert message.startswith(f"SAMPAN_ISA: instruction set 'sse9' is not one of this machine's: {known} (")
    assert "\n" not in message


def test_an_empty_environment_variable_forces_nothing() -> None:
    assert run_with_isa("") == native.supported_isas()[-1]


def test_the_stub_names_what_the_module_has() -> None:
    stub = Path(sampan.__file__).with_name("_native.pyi")
    body = ast.parse(stub.read_text(encoding="utf-8")).body
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    constants = {
        node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    public = {name for name in functions | constants if not name.startswith("_")}
    assert public == {name for name in dir(_native) if not name.startswith("_")}
