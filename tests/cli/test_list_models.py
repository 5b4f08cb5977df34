"""`sampan list`: the zoo and what lies on disk."""

import json
import shutil

import pytest

from sampan.cli.catalog import find_models
from sampan.cli.main import main
from sampan.zoo import ZOO


@pytest.fixture
def home(tmp_path, monkeypatch, model_folder):
    """A SAMPAN_HOME with one model of the zoo, one of the user's own, and a folder that is none."""
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path))
    for name in ("deepseek-r1-distill-qwen-7b", "mine"):
        shutil.copytree(model_folder, tmp_path / "models" / name)
    (tmp_path / "models" / "empty").mkdir()
    return tmp_path


def test_the_zoo_comes_first_and_then_the_users_own(home):
    models = {model["name"]: model for model in find_models()}
    assert list(models) == [*(entry.name for entry in ZOO), "empty", "mine"]
    here = [name for name, model in models.items() if model["present"] and name != "sampan-tiny"]
    assert here == ["deepseek-r1-distill-qwen-7b", "mine"]
    assert models["mine"] == {
        "name": "mine",
        "aliases": [],
        "parameters": 20_896,
        "bytes": {"int8": 40_000, "int4": 36_928, "bf16": 59_648},
        "license": None,
        "huggingface_id": None,
        "present": True,
        "path": str(home / "models" / "mine"),
    }
    assert (models["empty"]["parameters"], models["empty"]["bytes"]) == (None, {})
    assert models["deepseek-r1-distill-qwen-7b"]["license"] == "MIT over Apache-2.0"


@pytest.mark.usefixtures("home")
def test_json(capsys):
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == list(find_models())


def test_the_table_has_a_line_for_each(home, capsys):
    assert main(["list"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["model", "parameters", "int8", "int4", "bf16", "licence", "path"]
    assert [line.split()[0] for line in lines] == [model["name"] for model in find_models()]
    (line,) = (line for line in lines if line.startswith("mine "))
    assert line.split() == [
        "mine",
        "20.9K",
        "40.0",
        "kB",
        "36.9",
        "kB",
        "59.6",
        "kB",
        "?",
        str(home / "models" / "mine"),
    ]
