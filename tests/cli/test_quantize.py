"""`sampan quantize` as a user runs it."""

from __future__ import annotations

import json

import pytest

from sampan.cli.main import main


@pytest.fixture
def texts(tmp_path):
    file = tmp_path / "ours.txt"
    file.write_text("A boat that is moved by paddles. 舢板是一种小船。 " * 30, encoding="utf-8")
    return file


def test_a_model_is_quantised_measured_and_published(model_folder, texts, sampan, tmp_path):
    data = tmp_path / "measure.txt"
    data.write_text("Something else entirely, to be measured on. 0123456789 " * 8)
    target = tmp_path / "small"
    words = ("quantize", model_folder, target, "--calibration", texts, "--data", data)
    refused = sampan(*words, "--max-loss", "1e-6")
    assert refused.returncode == 1
    assert "loses" in refused.stderr
    assert not target.exists()
    finished = sampan(*words, "--json")
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout)
    assert report["path"] == str(target)
    assert report["scheme"] == "int4"
    assert report["calibration"]["source"] == "ours.txt"
    assert {matrix["format"] for matrix in report["matrices"]} == {"int4", "int8"}
    assert report["loss_percent"]["value"] > 0
    quality = json.loads((target / "quality.json").read_text())
    assert quality["candidates"][0]["model"]["name"] == "small"
    assert len(quality["candidates"][0]["layers"]) == 7
    names = {file.name for file in target.iterdir()}
    assert {"tokenizer.json", "config.json", "quantization.json", "quality.html"} <= names


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--scheme", "int3"), "int3"),
        (("--max-loss", "0"), "max-loss"),
        (("--calibration", "absent.jsonl"), "absent.jsonl"),
        (("--keep", "everything"), "everything"),
    ],
)
def test_what_is_wrong_is_told_before_work_begins(model_folder, tmp_path, capsys, words, what):
    target = tmp_path / "out"
    assert main(["quantize", str(model_folder), str(target), *words]) == 2
    assert what in capsys.readouterr().err
    assert not target.exists()


def test_the_source_is_never_the_destination(model_folder, capsys):
    assert main(["quantize", str(model_folder), str(model_folder), "--force"]) == 2
    assert "the source itself" in capsys.readouterr().err
