"""`sampan list`: the zoo and what lies on disk."""

import json
import shutil

import pytest

from sampan.checkpoint.local.manifest import FileRecord, Manifest, write_manifest
from sampan.cli.catalog import find_models
from sampan.cli.main import main
from sampan.zoo import ZOO

PULLED = "2026-03-01T12:00:00Z"


@pytest.fixture
def home(tmp_path, monkeypatch, model_folder):
    """A SAMPAN_HOME with one model of the zoo, one of the user's own, and a folder that is none."""
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path))
    for name in ("deepseek-r1-distill-qwen-7b", "mine"):
        shutil.copytree(model_folder, tmp_path / "models" / name)
    (tmp_path / "models" / "empty").mkdir()
    gguf = tmp_path / "models" / "org--repo--tiny-Q8_0"
    gguf.mkdir()
    (gguf / "tiny-Q8_0.gguf").write_bytes(b"GGUF")
    files = {"tiny-Q8_0.gguf": FileRecord(4, "0" * 64)}
    write_manifest(gguf, Manifest("modelscope", "https://h", "org/repo", "master", "c" * 40, "mit", PULLED, files))
    part = tmp_path / "models" / ".org--begun.part"
    part.mkdir()
    parts = {"model.safetensors": FileRecord(8192, "0" * 64)}
    (part / "model.safetensors").write_bytes(bytes(8192))
    write_manifest(part, Manifest("huggingface", "https://h", "org/begun", "main", "", "", "", parts))
    return tmp_path


def test_the_zoo_comes_first_and_then_the_users_own(home):
    models = {model["name"]: model for model in find_models()}
    others = ["empty", "mine", "org--begun", "org--repo--tiny-Q8_0"]
    assert list(models) == [*(entry.name for entry in ZOO), *others]
    here = [name for name, model in models.items() if model["present"] and name != "sampan-tiny"]
    assert here == ["deepseek-r1-distill-qwen-7b", "mine", "org--repo--tiny-Q8_0"]
    folder = home / "models" / "mine"
    assert models["mine"] == {
        "name": "mine",
        "aliases": [],
        "parameters": 20_896,
        "bytes": {"int8": 40_000, "int4": 36_928, "bf16": 59_648},
        "license": None,
        "huggingface_id": None,
        "present": True,
        "path": str(folder),
        "modelscope_id": None,
        "dtype": "bf16",
        "disk_bytes": sum(file.stat().st_size for file in folder.iterdir()),
        "unfinished": None,
        **dict.fromkeys(("source", "endpoint", "repository", "revision", "commit", "pulled")),
    }
    assert (models["empty"]["parameters"], models["empty"]["bytes"]) == (None, {})
    assert models["deepseek-r1-distill-qwen-7b"]["license"] == "MIT over Apache-2.0"


@pytest.mark.usefixtures("home")
def test_json(capsys):
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == list(find_models())


def test_what_was_pulled_says_where_from(home):
    models = {model["name"]: model for model in find_models()}
    pulled = models["org--repo--tiny-Q8_0"]
    assert (pulled["source"], pulled["repository"], pulled["license"]) == ("modelscope", "org/repo", "mit")
    assert (pulled["dtype"], pulled["commit"], pulled["pulled"]) == ("Q8_0", "c" * 40, PULLED)
    begun = models["org--begun"]
    assert (begun["present"], begun["repository"], begun["disk_bytes"]) == (False, "org/begun", None)
    assert begun["unfinished"] == {"here": 8192, "total": 8192}


def test_the_tables_have_a_line_for_each(home, capsys):
    assert main(["list"]) == 0
    here, begun, others = (table.splitlines() for table in capsys.readouterr().out.split("\n\n"))
    assert here[0].split() == ["here", "parameters", "weights", "on", "disk", "licence", "from", "since"]
    assert begun[0].split() == ["unfinished", "has", "come", "of", "go", "on", "with"]
    assert others[0].split() == ["to", "pull", "parameters", "int8", "int4", "bf16", "licence"]
    models = list(find_models())
    assert [line.split()[0] for line in here[1:]] == [model["name"] for model in models if model["present"]]
    lines = [*begun[1:], *others[1:]]
    assert {line.split()[0] for line in lines} == {model["name"] for model in models if not model["present"]}
    (mine,) = (line for line in here if line.startswith("mine "))
    assert mine.split()[:3] == ["mine", "20.9K", "bf16"]
    assert mine.split()[-2:] == [str(home / "models" / "mine"), "-"]
    assert any(line.split()[-3:] == ["org/repo", "(modelscope)", "2026-03-01"] for line in here)
    assert [line.split()[-3:] for line in begun[1:]] == [["sampan", "pull", "org/begun"]]
