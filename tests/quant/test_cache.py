"""Packed stores in the cache: made once, found by content, made anew where they are damaged."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sampan import _native
from sampan.checkpoint import Checkpoint, open_checkpoint
from sampan.errors import CheckpointError, ConfigError
from sampan.quant import PackedModel, packed_model, source_hash
from tiny_checkpoints import QWEN, make_checkpoint, random_tensors

Report = tuple[str, int, int]


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that these tests have just written count as settled."""
    monkeypatch.setattr(source_hash, "SETTLED_NS", -1)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return make_checkpoint(tmp_path / "model")


def load(checkpoint: Checkpoint, precision: str = "int8") -> tuple[PackedModel, list[Report]]:
    reports: list[Report] = []
    model = packed_model(Path(checkpoint.path), checkpoint, precision, progress=lambda *report: reports.append(report))
    return model, reports


def stores(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "packed").iterdir() if path.name != "sources.json")


def said(reports: list[Report]) -> list[str]:
    return list(dict.fromkeys(what for what, _, _ in reports))


def test_a_second_start_neither_hashes_nor_packs(checkpoint: Checkpoint, home: Path) -> None:
    first, reports = load(checkpoint)
    assert said(reports) == ["Reading model", "Packing model as int8"]
    assert all(done == total for what, done, total in (reports[0], reports[-1]))
    written = first.path.stat() if first.path else None
    second, reports = load(checkpoint)
    assert reports == []
    assert (second.path, second.path.stat() if second.path else None) == (first.path, written)
    assert len(stores(home)) == 1


def test_another_precision_is_another_store_but_no_other_hash(checkpoint: Checkpoint, home: Path) -> None:
    load(checkpoint, "int8")
    _, reports = load(checkpoint, "bf16")
    assert said(reports) == ["Packing model as bf16"]
    assert len(stores(home)) == 2


def test_equal_weights_elsewhere_share_a_store(checkpoint: Checkpoint, home: Path, tmp_path: Path) -> None:
    load(checkpoint)
    _, reports = load(make_checkpoint(tmp_path / "copy"))
    assert said(reports) == ["Reading copy"]
    assert len(stores(home)) == 1


def test_other_weights_are_another_store(checkpoint: Checkpoint, home: Path, tmp_path: Path) -> None:
    first, _ = load(checkpoint)
    second, _ = load(make_checkpoint(tmp_path / "model", seed=1))  # in the same place
    assert first.path != second.path
    assert len(stores(home)) == 2


def test_a_file_that_keeps_its_size_and_time_is_hashed_again_all_the_same(
    checkpoint: Checkpoint, home: Path, tmp_path: Path
) -> None:
    first, _ = load(checkpoint)
    file = tmp_path / "model" / "model.safetensors"
    before = file.stat()
    changed = make_checkpoint(tmp_path / "other", seed=1)
    file.write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    second, _ = load(changed)
    assert second.path != first.path
    checkpoint = make_checkpoint(tmp_path / "model", seed=1)
    assert load(checkpoint)[0].path == second.path


def test_a_file_that_was_just_written_is_not_remembered(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_hash, "SETTLED_NS", 10**12)
    load(checkpoint)
    assert said(load(checkpoint)[1]) == ["Reading model"]


def test_another_configuration_is_another_store(checkpoint: Checkpoint, home: Path, tmp_path: Path) -> None:
    load(checkpoint)
    config = tmp_path / "model" / "config.json"
    config.write_text(config.read_text().replace('"rope_theta": 10000.0', '"rope_theta": 20000.0'))
    model, _ = load(open_checkpoint(tmp_path / "model"))
    assert model.config.rope_theta == 20000.0
    assert len(stores(home)) == 2


def test_what_is_remembered_may_be_damaged(checkpoint: Checkpoint, home: Path) -> None:
    load(checkpoint)
    for text in ("{", "[]", '{"a": 1}'):
        (home / "packed" / "sources.json").write_text(text)
        assert said(load(checkpoint)[1]) == ["Reading model"]
    assert said(load(checkpoint)[1]) == []


def test_models_that_are_gone_are_forgotten(checkpoint: Checkpoint, home: Path, tmp_path: Path) -> None:
    load(make_checkpoint(tmp_path / "vanished", seed=1))
    (tmp_path / "vanished" / "model.safetensors").unlink()
    load(checkpoint)
    index = (home / "packed" / "sources.json").read_text()
    assert "vanished" not in index
    assert "model.safetensors" in index


def test_a_damaged_store_is_made_anew(checkpoint: Checkpoint, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    model, _ = load(checkpoint)
    assert model.path is not None
    content = model.path.read_bytes()
    model.path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with caplog.at_level(logging.WARNING):
        again, reports = load(checkpoint)
    assert said(reports) == ["Packing model as int8"]
    assert again.path == model.path
    assert again.path.read_bytes() == content
    assert [record.getMessage() for record in caplog.records] == [
        f"{model.path} is damaged: the checksum of the tensor 'lm_head.scales' is wrong; packing model anew"
    ]
    assert len(stores(home)) == 1


def test_an_interrupted_conversion_leaves_nothing(
    checkpoint: Checkpoint, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack, calls = _native.pack_panels, []

    def interrupted(*arguments: object, **named: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return pack(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(_native, "pack_panels", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load(checkpoint)
    assert stores(home) == []
    assert load(checkpoint)[0].tensors.keys() > {"norm"}


CONVERT = """
import os, signal, sys
from pathlib import Path
from sampan.checkpoint import open_checkpoint
from sampan.quant import packed_model, source_hash

source_hash.SETTLED_NS = -1
write, left = os.pwrite, int(sys.argv[2])
def struck(*arguments):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), int(sys.argv[3]))
    return write(*arguments)
os.pwrite = struck
def tell(what, done, total):
    if what.startswith(sys.argv[4]):
        os.kill(os.getpid(), int(sys.argv[3]))
model = packed_model(Path(sys.argv[1]), open_checkpoint(sys.argv[1]), "int8", progress=tell)
print(model.path, "paddle" in sys.modules)
"""


def convert(
    folder: Path, writes: int = 0, by: signal.Signals = signal.SIGKILL, saying: str = "nothing"
) -> subprocess.Popen[str]:
    """Packs in a process of its own, which strikes itself at the given write, or when it says the given word."""
    command = [sys.executable, "-c", CONVERT, str(folder), str(writes), str(int(by)), saying]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until_stopped(process: subprocess.Popen[str]) -> None:
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), process.communicate()


def load_beside(checkpoint: Checkpoint, other: subprocess.Popen[str], then: signal.Signals) -> list[Report]:
    """Loads while the other process, which has its turn, stands still, and sends it a signal once that is noticed."""
    reports: list[Report] = []

    def tell(*report: object) -> None:
        if report[0] not in said(reports) and str(report[0]).startswith("Waiting"):
            other.send_signal(then)
        reports.append(report)  # type: ignore[arg-type]

    packed_model(Path(checkpoint.path), checkpoint, "int8", progress=tell)
    return reports


def test_what_a_killed_process_left_is_cleared_away(checkpoint: Checkpoint, home: Path) -> None:
    process = convert(Path(checkpoint.path), writes=1)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    left = stores(home)
    assert sorted(name.rpartition(".")[2] for name in left) == ["lock", "tmp"]
    model, _ = load(checkpoint)
    assert model.path is not None
    assert stores(home) == [model.path.name]


def test_processes_that_convert_at_once_share_the_work(checkpoint: Checkpoint, home: Path) -> None:
    processes = [convert(Path(checkpoint.path)) for _ in range(3)]
    results = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], results
    assert len({output for output, _ in results}) == 1
    assert results[0][0].split()[1] == "False"  # packing needs no Paddle
    assert len(stores(home)) == 1


def test_who_waits_for_anothers_conversion_says_so_and_how_far_it_is(
    checkpoint: Checkpoint, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = convert(Path(checkpoint.path), writes=2, by=signal.SIGSTOP)  # the data is written, its checksums are not
    wait_until_stopped(process)
    reports = load_beside(checkpoint, process, signal.SIGCONT)
    output, _ = process.communicate()
    assert said(reports) == ["Waiting: another process packs model as int8"]
    assert 0 < reports[0][1] == reports[0][2]
    assert [record.getMessage() for record in caplog.records] == ["another process packs model as int8: waiting for it"]
    assert [Path(output.split()[0]).name] == stores(home)


def test_who_waits_takes_over_from_one_that_is_killed(checkpoint: Checkpoint, home: Path) -> None:
    process = convert(Path(checkpoint.path), writes=2, by=signal.SIGSTOP)
    wait_until_stopped(process)
    reports = load_beside(checkpoint, process, signal.SIGKILL)
    process.communicate()
    assert said(reports) == ["Waiting: another process packs model as int8", "Packing model as int8"]
    assert [name.startswith(".") for name in stores(home)] == [False]


def test_weights_are_read_by_one_process_while_others_wait(checkpoint: Checkpoint, home: Path) -> None:
    process = convert(Path(checkpoint.path), by=signal.SIGSTOP, saying="Reading")
    wait_until_stopped(process)
    reports = load_beside(checkpoint, process, signal.SIGCONT)
    assert process.wait() == 0, process.communicate()
    assert reports[0] == ("Waiting: another process reads model", 0, 0)
    assert "Reading model" not in said(reports)
    assert len(stores(home)) == 1


def test_what_is_to_be_done_meanwhile_is_done_once(checkpoint: Checkpoint) -> None:
    done: list[str] = []
    for expected in (["Reading model", "meanwhile", "Packing model as int8"], ["meanwhile"]):
        packed_model(
            Path(checkpoint.path),
            checkpoint,
            "int8",
            progress=lambda what, *_: done.append(what),
            meanwhile=lambda: done.append("meanwhile"),
        )
        assert list(dict.fromkeys(done)) == expected
        assert done.count("meanwhile") == 1
        done.clear()


def test_what_is_raised_meanwhile_comes_before_any_conversion(checkpoint: Checkpoint, home: Path) -> None:
    def fail() -> None:
        raise CheckpointError("the tokenizer is another model's")

    for _ in range(2):
        with pytest.raises(CheckpointError, match="another model's"):
            packed_model(Path(checkpoint.path), checkpoint, "int8", meanwhile=fail)
        assert stores(home) == []
    load(checkpoint)
    with pytest.raises(CheckpointError, match="another model's"):
        packed_model(Path(checkpoint.path), checkpoint, "int8", meanwhile=fail)


def test_a_home_that_is_no_folder(checkpoint: Checkpoint, home: Path) -> None:
    home.write_text("")
    with pytest.raises(CheckpointError, match="cannot be made") as caught:
        load(checkpoint)
    assert "SAMPAN_HOME" in caught.value.remedy


def test_an_unknown_precision_leaves_no_folder(checkpoint: Checkpoint, home: Path) -> None:
    with pytest.raises(ConfigError, match="precision='int3'"):
        load(checkpoint, "int3")
    assert not home.exists()


def test_pages_of_the_checkpoint_are_given_back(checkpoint: Checkpoint) -> None:
    """And read again when they are needed: the weights are still there."""
    load(checkpoint)
    raw = checkpoint.raw("lm_head.weight")
    expected = random_tensors(QWEN)["lm_head.weight"]
    assert np.allclose(checkpoint.get("lm_head.weight"), expected, rtol=2**-8)
    assert raw.data.any()
