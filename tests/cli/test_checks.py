"""What `sampan doctor` finds, on machines of every kind."""

import socket
from types import SimpleNamespace

import pytest

from sampan.cli import checks
from sampan.cli.checks import FAIL, OK, WARN, Finding
from sampan.machine import Memory, Processor
from sampan.zoo import ZOO

GB = 10**9
MODELS = [(entry.aliases[0], entry.config) for entry in ZOO if entry.config is not None]


@pytest.mark.parametrize(
    ("version", "bits", "status"),
    [((3, 10), 64, OK), ((3, 13), 64, OK), ((3, 9), 64, FAIL), ((3, 14), 64, FAIL), ((3, 11), 32, FAIL)],
)
def test_python(version, bits, status):
    finding = checks.check_python(version, bits)
    assert (finding.status, bool(finding.remedy)) == (status, status != OK)


@pytest.mark.parametrize(
    ("sets", "quota", "expected"),
    [
        (("AVX2", "AVX-512", "AVX-512 VNNI"), None, [OK, OK]),
        (("AVX2",), 8.0, [OK, OK]),
        ((), None, [WARN, OK]),
        (("AVX2",), 1.5, [OK, WARN]),
    ],
)
def test_processor(sets, quota, expected):
    findings = list(checks.check_processor(Processor("x", sets, logical=8, physical=4, quota=quota)))
    assert [finding.status for finding in findings] == expected
    assert all(bool(finding.remedy) == (finding.status != OK) for finding in findings)


@pytest.mark.parametrize(
    ("available", "status", "detail"),
    [
        (1 * GB, WARN, "1.0 GB of 64.0 GB free; no distill fits"),
        (2 * GB, OK, "2.0 GB of 64.0 GB free; fits qwen-1.5b (int4)"),
        (3 * GB, OK, "3.0 GB of 64.0 GB free; fits qwen-1.5b (int8)"),
        (9 * GB, OK, "9.0 GB of 64.0 GB free; fits qwen-1.5b (int8), qwen-7b (int4), llama-8b (int4)"),
        (1000 * GB, OK, "1.0 TB of 64.0 GB free; fits " + ", ".join(f"{name} (int8)" for name, _ in MODELS)),
    ],
)
def test_memory(available, status, detail):
    finding = checks.check_memory(Memory(64 * GB, available), MODELS)
    assert (finding.status, finding.detail) == (status, detail)


def test_home_need_not_exist_yet(tmp_path, monkeypatch):
    home = tmp_path / "a" / "b"
    monkeypatch.setattr(checks.shutil, "disk_usage", {tmp_path: SimpleNamespace(free=20 * GB)}.get)
    assert checks.check_home(home) == Finding("disk", OK, f"20.0 GB free under {home}")
    monkeypatch.setattr(checks, "MIN_DISK", 30 * GB)
    assert checks.check_home(home).status == WARN
    monkeypatch.setattr(checks.os, "access", lambda path, mode: False)
    assert checks.check_home(home).detail == f"cannot write to {tmp_path}"


def test_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert checks.check_port(port).detail == f"127.0.0.1:{port} is in use"
    assert checks.check_port(port) == Finding("port", OK, f"127.0.0.1:{port} is free")


@pytest.fixture
def python(tmp_path):
    """Makes a program that stands in for Python and does what a shell line says."""

    def python(line: str) -> str:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        return str(path)

    return python


@pytest.mark.parametrize(
    ("line", "status", "detail"),
    [
        ("echo PaddlePaddle works well; echo; echo 3.3.1", OK, "3.3.1, run_check passes"),
        ("echo 3.2.0", WARN, "3.2.0; tested with 3.3"),
        ("echo Traceback >&2; echo 'ModuleNotFoundError: paddle' >&2; exit 1", FAIL, "ModuleNotFoundError: paddle"),
        ("kill -ILL $$", FAIL, "ended by signal 4"),
        ("exit 3", FAIL, "exit code 3"),
        ("exec sleep 60", FAIL, "no answer within 0.5 s"),
    ],
)
def test_paddle(python, line, status, detail):
    finding = checks.check_paddle(python(line), timeout=0.5 if "sleep" in line else 60)
    assert (finding.status, finding.detail, bool(finding.remedy)) == (status, detail, status != OK)


@pytest.mark.parametrize(
    ("line", "status", "detail"),
    [
        ("""echo '{"usage": {"completion_tokens": 7}}'""", OK, "sampan-tiny answered with 7 tokens"),
        ("echo error: it is gone >&2; echo remedy: look >&2; exit 1", FAIL, "it is gone"),
        ("echo hello", FAIL, "answered 'hello'"),
    ],
)
def test_embedded_model(python, line, status, detail):
    finding = checks.check_embedded_model(python(line))
    assert (finding.status, finding.detail) == (status, detail)


def test_kernels(python):
    assert checks.check_native(python("echo avx2 of generic avx2")).detail == "avx2 of generic avx2 in use"
    assert checks.check_native(python("exit 1")).status == FAIL
