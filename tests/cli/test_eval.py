"""`sampan eval`: the table, the document, the files, and the gate."""

from __future__ import annotations

import json

import pytest

from sampan.cli.eval import read_precisions
from sampan.cli.main import main
from sampan.errors import UsageError

LINES = (
    {"text": "Wait two minutes while the router restarts, then open the page in a browser.", "domain": "help"},
    {"text": "重置路由器密码的步骤：接通路由器电源，找到背面的复位孔。", "domain": "help"},
    {"messages": [{"role": "user", "content": "34+58=?"}], "answer": "92", "kind": "sums"},
)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path / "home"))


@pytest.fixture
def data(tmp_path) -> str:
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in LINES), encoding="utf-8")
    return str(path)


def test_json_and_files(capsys, data, tmp_path):
    folder = tmp_path / "quality"
    words = ("--precision", "int4, int8", "--data", data, "--max-tokens", "120", "--threads", "1")
    assert main(["eval", *words, "--output", str(folder), "--max-loss", "50", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((folder / "quality.json").read_text(encoding="utf-8"))
    assert [candidate["model"]["precision"] for candidate in document["candidates"]] == ["int4", "int8"]
    assert document["reference"]["precision"] == "bf16"
    assert document["gate"] == {"max_loss_percent": 50.0, "passed": True}
    assert document["reference_tasks"]["by_kind"] == {"sums": [1, 1]}
    assert document["material"]["sources"] == ["own.jsonl"]
    assert document["run"].keys() == {"date", "commit", "machine"}
    assert (folder / "quality.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_table_and_the_gate(capsys, data, tmp_path):
    calibration = tmp_path / "calibration.txt"
    calibration.write_text(LINES[1]["text"], encoding="utf-8")
    words = ("--precision", "int4", "--data", data, "--calibration", str(calibration), "--max-tasks", "0")
    assert main(["eval", *words, "--max-loss", "0.001"]) == 1
    out, err = capsys.readouterr()
    head, dropped, _, columns, reference, candidate, *_, hint = out.splitlines()
    assert head.endswith("positions of 1 passages, 0 tasks; beside sampan-tiny in bf16, fp32 cache")
    assert dropped == f"left out, the calibration has it: {LINES[1]['text']}"
    assert columns.split()[:3] == ["model", "size", "bits"]
    assert reference.startswith("sampan-tiny in bf16, fp32 cache")
    assert candidate.startswith("sampan-tiny in int4 ")
    assert hint.startswith("--output DIR writes this")
    error, remedy = err.splitlines()
    assert error.startswith("error: sampan-tiny in int4 loses ")
    assert remedy == "remedy: quantise with a better method or more bits, or allow more with --max-loss"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--precision", "int3"], "--precision 'int3' is no list of precisions"),
        (["--precision", ""], "--precision '' is no list of precisions"),
        (["--max-tasks", "-1"], "--max-tasks -1 is out of range"),
        (["--max-tokens", "0"], "--max-tokens 0 is out of range"),
        (["--threads", "0"], "--threads 0 is out of range"),
        (["--max-loss", "0"], "--max-loss 0 is out of range"),
        (["--max-loss", "nan"], "--max-loss nan is out of range"),
        (["--output", "/proc/version"], "--output /proc/version is no folder: File exists"),
        (["--data", "absent.txt"], "absent.txt is not a file"),
        (["--calibration", "absent.txt"], "absent.txt is not a file"),
        (["no-such-model"], "no model is called 'no-such-model'"),
    ],
)
def test_wrong_use_is_one_line_and_a_remedy(capsys, words, message):
    assert main(["eval", *words]) == 2
    out, err = capsys.readouterr()
    error, remedy = err.splitlines()
    assert (out, error) == ("", f"error: {message}")
    assert remedy.startswith("remedy: ")


def test_precisions():
    assert read_precisions("int8, int4,int8") == ("int8", "int4")
    with pytest.raises(UsageError):
        read_precisions("int8,,int4")
