"""`sampan show` and `sampan doctor MODEL`, as a user runs them."""

import json
import re
import shutil

import pytest

from sampan.cli.main import main


def test_a_card_for_people(sampan):
    result = sampan("show")
    assert (result.returncode, result.stderr) == (0, "")
    head, *lines = result.stdout.splitlines()
    assert head.startswith("╭─ sampan-tiny ─")
    cells = [re.split("  +", line.strip("│ "), maxsplit=1) for line in lines]
    facts = {cell[0]: cell[1] for cell in cells if len(cell) == 2}
    assert facts["model"] == "qwen2, 3.9M parameters"
    assert facts["template"] == "February 2025 (opens the thought)"
    assert facts["stops at"] == "<｜end▁of▁sentence｜> 6128"
    assert facts["licence"] == "Apache-2.0"
    assert facts["int8 (auto)"].split() == ["7.3", "MB", "11.5", "MB"]


def test_a_card_for_scripts(capsys):
    assert main(["show", "tiny", "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["shape"]["num_hidden_layers"] == 4
    assert (card["served_as"], card["stored"], card["stop_tokens"]) == (
        "int8",
        {"bf16": 1.0},
        {"6128": "<｜end▁of▁sentence｜>"},
    )
    assert card["memory"]["bf16"]["2048"] == card["memory"]["bf16"]["weights"] + 2048 * 2 * 2 * 4 * 2 * 64
    assert card["problems"] == []


def test_a_broken_model_has_a_card_as_well(model_folder, tmp_path, capsys):
    folder = shutil.copytree(model_folder, tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"nothing")
    (folder / "config.json").write_text("[]")
    assert main(["show", str(folder), "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert (card["shape"], card["memory"], card["template"]) == (None, {}, "February 2025")
    assert [problem.split()[0] for problem in card["problems"]] == ["config.json", "model.safetensors:"]
    assert main(["show", str(folder)]) == 0
    assert "model.safetensors: truncated" in capsys.readouterr().out


def test_doctor_finds_nothing_wrong_with_the_embedded_model(sampan):
    result = sampan("doctor", "sampan-tiny")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "All 16 findings are ok."


def test_doctor_says_what_to_do(sampan, model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"nothing")
    result = sampan("doctor", folder)
    assert (result.returncode, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("files "))
    assert lines[at].split()[:2] == ["files", "fail"]
    assert lines[at + 1].strip() == "-> the file is damaged: fetch it again"
    findings = json.loads(sampan("doctor", folder, "--json").stdout)
    assert [finding["check"] for finding in findings if finding["status"] == "fail"] == ["files"]


@pytest.mark.parametrize("verb", ["doctor", "show"])
def test_a_model_that_is_not_there(sampan, verb):
    result = sampan(verb, "no-such-model")
    assert (result.returncode, result.stdout) == (2, "")
    assert "no model is called 'no-such-model'" in result.stderr
