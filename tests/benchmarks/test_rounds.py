"""Workers and rounds, with processes that hold no engine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.comparison import rounds
from benchmarks.comparison.contenders import Command, Contender
from benchmarks.comparison.environments import Environment, SetupError, run
from benchmarks.comparison.measurements import WORKS
from benchmarks.comparison.models import Workspace
from benchmarks.comparison.process import Worker, WorkerError

from sampan import zoo

FAKE = Path(__file__).with_name("fake_worker.py")
CONFIG = zoo.find("qwen-1.5b").config
assert CONFIG is not None


def fake(*words: str) -> list[str | Path]:
    return [sys.executable, FAKE, *words]


def contender(name: str, *words: str) -> Contender:
    return Contender(name, 8, lambda workspace, threads: fake(*words))


def unprepared(workspace: Workspace, threads: int) -> Command:
    raise SetupError("no compiler")


def test_a_worker_answers_until_it_is_stopped(tmp_path: Path) -> None:
    worker = Worker(fake(), tmp_path / "log")
    question = WORKS[1].question(seed="one")
    answers = [worker.ask(question) for _ in range(2)]
    worker.stop()
    assert worker.versions == {"python": sys.version.split()[0], "fake": "1.0"}
    assert worker.first_token_s > 0
    for answer in answers:
        assert set(answer) == {"prefill_s", "decode_s", "resident_bytes", "peak_bytes"}
        assert 0 < answer["resident_bytes"] <= answer["peak_bytes"]
    assert (tmp_path / "log").read_text().splitlines() == ["engines print what they like"] * 3


def test_a_worker_that_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="no such model"):
        Worker(fake("unloadable"), tmp_path / "log")


def test_engines_work_in_turn_and_those_that_fail_are_left_out(tmp_path: Path) -> None:
    group = [
        contender("good"),
        Contender("unprepared", 8, unprepared),
        contender("unloadable", "unloadable"),
        contender("mortal", "dies"),
        contender("better"),
    ]
    steps: list[str] = []
    found, left_out = rounds.measure_group(
        group, WORKS, workspace=Workspace(tmp_path, CONFIG), threads=1, rounds=2, tell=steps.append
    )
    assert left_out == {
        "unprepared": "no compiler",
        "unloadable": "no such model",
        "mortal": "too many prompts for me",
    }
    assert list(found) == ["good", "better"]
    for measured in found.values():
        assert {name: len(values) for name, values in measured.tokens_per_s.items()} == {w.name: 2 for w in WORKS}
        assert len(measured.first_token_s) == rounds.STARTS - 1
    turns = [step.split(", ")[-1] for step in steps if "1 stream" in step]
    assert turns == ["good", "mortal", "better", "better", "good"]


def test_a_step_of_the_setup_that_fails_names_its_log(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"^out of disk \(the whole story is in .*/logs/step\.log\)$"):
        run([sys.executable, "-c", "import sys; sys.exit('out of disk')"], tmp_path / "logs" / "step.log")


def test_an_environment_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "requirements.txt").write_text("a==1\nb==2\nnot c\n")
    environment = Environment("engine", ("a==1", "b==2"), unwanted=("c",))
    assert environment.python(tmp_path) == tmp_path / "engine" / "bin" / "python"
