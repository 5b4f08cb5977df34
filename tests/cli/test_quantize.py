"""`sampan quantize` as a user runs it."""

from __future__ import annotations

import json
import shutil

import pytest


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
    shutil.rmtree(target)


def test_what_is_wrong_is_told_before_anything_is_loaded(model_folder, sampan, tmp_path):
    for words, what in (
        (("--scheme", "int3"), "int3"),
        (("--max-loss", "0"), "max-loss"),
        (("--calibration", tmp_path / "absent.jsonl"), "absent.jsonl"),
        (("--keep", "everything"), "everything"),
    ):
        finished = sampan("quantize", model_folder, tmp_path / "out", *words)
        assert finished.returncode == 2, finished.stderr
        assert what in finished.stderr
    assert sampan("quantize", model_folder, model_folder).returncode == 2
