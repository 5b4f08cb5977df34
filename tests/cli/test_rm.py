"""`sampan rm` removes what was pulled and packed, and nothing else."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import pytest

from sampan.checkpoint import open_checkpoint
from sampan.cli.main import main
from sampan.quant import packed_model, source_hash
from sampan.quant.turns import my_turn


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_folder: Path) -> Path:
    """A SAMPAN_HOME with a model in `models`, packed twice."""
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(source_hash, "SETTLED_NS", -1)
    add(tmp_path / "home", model_folder, "org--repo")
    return tmp_path / "home"


def add(home: Path, model_folder: Path, name: str) -> Path:
    folder = home / "models" / name
    shutil.copytree(model_folder, folder)
    for precision in ("int8", "int4"):
        packed_model(folder, open_checkpoint(folder), precision)
    return folder


def left(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["org/repo", "org--repo"])
def test_a_model_goes_with_what_was_packed_from_it(home: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file() and path.suffix != ".json")
    assert main(["rm", name, "--yes", "--json"]) == 0
    removed = json.loads(capsys.readouterr().out)
    assert (len(removed["stores"]), removed["kept_stores"]) == (2, [])
    assert removed["bytes"] > size
    assert left(home) == ["packed/sources.json"]


def test_packed_copies_may_stay(home: Path) -> None:
    stores = [path for path in left(home) if path.startswith("packed/")]
    assert main(["rm", "org/repo", "--yes", "--no-packed"]) == 0
    assert left(home) == stores


def test_packed_copies_that_another_model_uses_stay(
    home: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twin = add(home, model_folder, "twin")
    stores = [path for path in left(home) if path.startswith("packed/")]
    assert len(stores) == 3  # both have the same content
    assert main(["rm", "twin", "--yes"]) == 0
    assert "another model has the same weights" in capsys.readouterr().out
    assert not twin.exists()
    assert [path for path in left(home) if path.startswith("packed/")] == stores
    assert main(["rm", "org/repo", "--yes"]) == 0
    assert left(home) == ["packed/sources.json"]


def test_it_asks(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before = left(home)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["rm", "org/repo"]) == 2
    assert "nobody is there to say yes" in capsys.readouterr().err

    class Typed(io.StringIO):
        def isatty(self) -> bool:
            return True

    for answer in ("\n", "n\n", ""):
        monkeypatch.setattr("sys.stdin", Typed(answer))
        assert main(["rm", "org/repo"]) == 2
        assert "nothing was removed" in capsys.readouterr().err
    assert left(home) == before
    monkeypatch.setattr("sys.stdin", Typed("y\n"))
    assert main(["rm", "org/repo"]) == 0
    assert f"remove {home / 'models' / 'org--repo'} with 2 packed copies of it (" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["/", "/etc", "~", "..", "../models", "models", "a/../b", "", ".x", "tiny"])
def test_nothing_else_is_removed(home: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    before = left(tmp_path)
    assert main(["rm", name, "--yes"]) == 2
    assert left(tmp_path) == before


def test_of_a_link_only_the_link_goes(home: Path, model_folder: Path) -> None:
    link = home / "models" / "linked"
    link.symlink_to(model_folder)
    assert main(["rm", "linked", "--yes"]) == 0
    assert not os.path.lexists(link)
    assert (model_folder / "config.json").exists()


def test_an_unfinished_download_goes(home: Path) -> None:
    part = home / "models" / ".org--begun.part"
    part.mkdir()
    (part / "model.safetensors").write_bytes(b"x")
    assert main(["rm", "org/begun", "--yes"]) == 0
    assert not part.exists()
    assert main(["rm", "org/begun", "--yes"]) == 2


def test_what_is_being_pulled_stays(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = left(home)
    with my_turn(home / "models" / "org--repo"):
        assert main(["rm", "org/repo", "--yes"]) == 2
    assert "org--repo is being pulled" in capsys.readouterr().err
    assert left(home) == before


def test_a_damaged_model_goes_too(home: Path) -> None:
    (home / "models" / "org--repo" / "model.safetensors").write_bytes(b"x")
    assert main(["rm", "org/repo", "--yes"]) == 0
    assert not (home / "models" / "org--repo").exists()
