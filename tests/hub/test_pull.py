"""`sampan pull` as a user runs it, against a hub of the test's own."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hub_server import Fault, HubServer
from sampan.checkpoint import model_folder
from sampan.checkpoint.local.manifest import read_manifest
from sampan.convert import convert
from sampan.hub.listing import RemoteFile
from sampan.hub.pieces import PIECE_BYTES
from sampan.zoo import find

Sampan = Callable[..., subprocess.CompletedProcess[str]]

TINY = {path.name: path.read_bytes() for path in model_folder(find("sampan-tiny")).iterdir()}
WEIGHTS = "model.safetensors"


def large(size: int = 20_000_000) -> dict[str, bytes]:
    """A repository whose weights are noise, of some pieces."""
    return {**TINY, WEIGHTS: random.Random(size).randbytes(size)}


def folder_of(home: Path, name: str = "org--tiny") -> Path:
    return home / "models" / name


def holds(folder: Path, files: dict[str, bytes]) -> bool:
    return all((folder / name).read_bytes() == data for name, data in files.items())


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_a_model_comes_whole_and_answers(hub: HubServer, home: Path, sampan: Sampan, source: str) -> None:
    commit = hub.add("org/tiny", {**TINY, "README.md": b"---\nlicense: apache-2.0\n---\n", "pytorch_model.bin": b"x"})
    done = sampan("pull", "org/tiny", "--source", source, "--json")
    assert done.returncode == 0, done.stderr
    pulled = json.loads(done.stdout)
    folder = folder_of(home)
    names = {path.name for path in folder.iterdir()}
    assert names == {*TINY, "README.md", "sampan.json"}
    assert pulled["files"] == {
        name: {"size": len(data := (folder / name).read_bytes()), "sha256": hashlib.sha256(data).hexdigest()}
        for name in names - {"sampan.json"}
    }
    assert (pulled["source"], pulled["commit"], pulled["license"]) == (source, commit, "apache-2.0")
    assert pulled["fetched_bytes"] == pulled["bytes"] == hub.total_sent
    assert "licence: apache-2.0" in done.stderr
    answer = sampan("generate", "org/tiny", "你好", "--max-tokens", 8, "--temperature", 0, "--json")
    embedded = sampan("generate", "sampan-tiny", "你好", "--max-tokens", 8, "--temperature", 0, "--json")
    assert (answer.returncode, answer.stdout) == (0, embedded.stdout)


def test_a_second_pull_opens_no_connection(hub: HubServer, home: Path, sampan: Sampan) -> None:
    hub.add("org/tiny", TINY)
    assert sampan("pull", "org/tiny").returncode == 0
    before = len(hub.seen)
    again = sampan("pull", "org/tiny", "--json", "--offline")
    assert (again.returncode, json.loads(again.stdout)["fetched_bytes"], len(hub.seen)) == (0, 0, before)


def test_offline_refuses_before_any_connection(hub: HubServer, sampan: Sampan) -> None:
    hub.add("org/tiny", TINY)
    for words, environment in ((["--offline"], {}), ([], {"SAMPAN_OFFLINE": "1"})):
        done = sampan("pull", "org/tiny", *words, **environment)
        assert done.returncode == 2
        assert "--offline forbids" in done.stderr
    assert hub.seen == []


def test_a_zoo_model_gets_its_own_name(hub: HubServer, home: Path, sampan: Sampan) -> None:
    hub.add("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", TINY)
    done = sampan("pull", "qwen-1.5b")
    assert done.returncode == 0, done.stderr
    assert "licence: MIT over Apache-2.0" in done.stderr
    assert holds(folder_of(home, "deepseek-r1-distill-qwen-1.5b"), TINY)


def kill_when(process: subprocess.Popen[str], hub: HubServer, num_bytes: int, sign: int) -> None:
    deadline = time.monotonic() + 60
    while hub.sent[WEIGHTS] < num_bytes and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(sign)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_pull_that_was_stopped_goes_on_where_it_was(
    hub: HubServer, home: Path, sampan: Sampan, user_environment: dict[str, str], sign: int
) -> None:
    files = large()
    hub.add("org/tiny", files)
    hub.always[WEIGHTS] = Fault(rate=10e6)
    command = [sys.executable, "-m", "sampan", "pull", "org/tiny", "--connections", "2"]
    with subprocess.Popen(command, env=user_environment, stderr=subprocess.PIPE, text=True) as process:
        kill_when(process, hub, 12_000_000, sign)
        _, said = process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if sign == signal.SIGKILL else 130)
    assert ("the same command goes on" in said) == (sign == signal.SIGINT)
    assert not folder_of(home).exists()
    first, hub.always = hub.sent[WEIGHTS], {}
    hub.sent.clear()
    done = sampan("pull", "org/tiny")
    assert done.returncode == 0, done.stderr
    assert holds(folder_of(home), files)
    again = hub.sent[WEIGHTS]
    # Nothing twice but the pieces that were on their way, one for each connection, and what lay in sockets.
    assert len(files[WEIGHTS]) - first <= again <= len(files[WEIGHTS]) - first + 2 * PIECE_BYTES + 4_000_000
    assert again < len(files[WEIGHTS]) - PIECE_BYTES
    assert "of it are here already" in done.stderr


def test_what_a_kill_has_left_is_not_believed(hub: HubServer, home: Path, sampan: Sampan) -> None:
    files = large()
    hub.add("org/tiny", files)
    hub.always[WEIGHTS] = Fault(status=404)
    assert sampan("pull", "org/tiny").returncode != 0
    hub.always = {}
    part = home / "models" / ".org--tiny.part"
    # All pieces are said to be here; the first is damaged, the last is a hole, the line of the third is cut off.
    pieces = [files[WEIGHTS][begin : begin + PIECE_BYTES] for begin in range(0, len(files[WEIGHTS]), PIECE_BYTES)]
    identity = RemoteFile(WEIGHTS, 0, hashlib.sha256(files[WEIGHTS]).hexdigest(), "").identity
    lines = [f"{identity} {i * PIECE_BYTES} {hashlib.sha256(piece).hexdigest()}" for i, piece in enumerate(pieces)]
    lines[2] = lines[2][:90]
    (part / ".pieces").write_text("\n".join(lines))
    (part / WEIGHTS).write_bytes(b"".join([b"x" + pieces[0][1:], *pieces[1:-1], bytes(len(pieces[-1]))]))
    hub.sent.clear()
    done = sampan("pull", "org/tiny")
    assert done.returncode == 0, done.stderr
    assert hub.sent[WEIGHTS] == len(pieces[0]) + len(pieces[2]) + len(pieces[-1])
    assert holds(folder_of(home), files)


def test_a_moved_repository_is_told_and_what_is_the_same_is_kept(hub: HubServer, home: Path, sampan: Sampan) -> None:
    files = large(5_000_000)
    hub.add("org/tiny", files)
    hub.always["tokenizer.json"] = Fault(status=404)
    assert sampan("pull", "org/tiny").returncode != 0
    hub.always = {WEIGHTS: Fault(status=404)}
    assert sampan("pull", "org/tiny").returncode != 0
    hub.always = {}
    newer = {**files, "tokenizer_config.json": TINY["tokenizer_config.json"] + b"\n"}
    commit = hub.add("org/tiny", newer)
    hub.sent.clear()
    done = sampan("pull", "org/tiny")
    assert done.returncode == 0, done.stderr
    assert "main has moved on from" in done.stderr
    assert {name for name, count in hub.sent.items() if count} == {"tokenizer_config.json", WEIGHTS}
    assert holds(folder_of(home), newer)
    manifest = read_manifest(folder_of(home))
    assert manifest is not None
    assert manifest.commit == commit


def test_a_download_begun_at_one_hub_goes_on_at_the_other(hub: HubServer, home: Path, sampan: Sampan) -> None:
    files = large()
    hub.add("org/tiny", files)
    hub.faults[WEIGHTS] = [Fault(), Fault(), Fault(status=404)]
    hub.always[WEIGHTS] = Fault(status=404)
    assert sampan("pull", "org/tiny", "--connections", 2).returncode != 0
    here = hub.sent[WEIGHTS]
    assert here
    hub.always, hub.faults[WEIGHTS] = {}, []
    hub.sent.clear()
    done = sampan("pull", "org/tiny", "--source", "modelscope")
    assert done.returncode == 0, done.stderr
    assert here + hub.sent[WEIGHTS] == len(files[WEIGHTS])
    assert holds(folder_of(home), files)


def test_a_gguf_file_is_pulled_and_opened_by_its_path(hub: HubServer, home: Path, sampan: Sampan) -> None:
    convert("sampan-tiny", home.parent / "tiny.gguf", form="gguf")
    data = (home.parent / "tiny.gguf").read_bytes()
    hub.add("org/gguf", {"q8/tiny-Q8_0.gguf": data, "q4/tiny-Q4_0.gguf": b"x" * len(data), "README.md": b"# tiny"})
    unsure = sampan("pull", "org/gguf")
    assert unsure.returncode == 2
    assert "sampan pull org/gguf/q8/tiny-Q8_0.gguf" in unsure.stderr
    assert hub.sent == {}
    name = "org/gguf/q8/tiny-Q8_0.gguf"
    pulled = sampan("pull", name)
    assert pulled.returncode == 0, pulled.stderr
    assert holds(folder_of(home, "org--gguf--tiny-Q8_0"), {"tiny-Q8_0.gguf": data})
    answer = sampan("generate", name, "你好", "--max-tokens", 8, "--temperature", 0, "--json")
    assert json.loads(answer.stdout)["usage"]["completion_tokens"] == 8
    assert "Q8_0" in sampan("list").stdout
    assert sampan("rm", name, "--yes").returncode == 0
    assert not folder_of(home, "org--gguf--tiny-Q8_0").exists()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_model(hub: HubServer, home: Path, user_environment: dict[str, str]) -> None:
    hub.add("org/tiny", large(250_000_000))
    command = [sys.executable, "-m", "sampan", "pull", "org/tiny", "--connections", "16"]
    peak = 0
    with subprocess.Popen(command, env=user_environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
            time.sleep(0.02)
    assert process.returncode == 0
    assert 0 < peak < 120_000  # kB
