from __future__ import annotations

from pathlib import Path

import pytest

from sampan.checkpoint import model_folder, pulled_folder, resolve_model
from sampan.checkpoint.local.manifest import Manifest, write_manifest
from sampan.checkpoint.local.resolve import sampan_home
from sampan.errors import CheckpointError, UnknownModelError
from sampan.zoo import find


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_home_is_under_the_cache_unless_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sampan_home() == home
    monkeypatch.delenv("SAMPAN_HOME")
    assert sampan_home() == Path.home() / ".cache" / "sampan"
    monkeypatch.setenv("SAMPAN_HOME", "~/boats")
    assert sampan_home() == Path.home() / "boats"


def test_nothing_means_the_embedded_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    embedded = model_folder(find("sampan-tiny"))
    assert embedded.parts[-3:] == ("sampan", "assets", "sampan-tiny")
    monkeypatch.setattr("sampan.checkpoint.local.resolve.model_folder", lambda entry: tmp_path)
    for name in (None, "", "sampan-tiny", "tiny"):
        resolved = resolve_model(name)
        assert (resolved.name, resolved.path, resolved.entry) == ("sampan-tiny", tmp_path, find("sampan-tiny"))


def test_a_broken_installation_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sampan.checkpoint.local.resolve.model_folder", lambda entry: tmp_path / "gone")
    with pytest.raises(CheckpointError, match=r"gone does not exist .*install Sampan again"):
        resolve_model(None)


def test_a_folder_is_named_after_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my-model").mkdir()
    for spelling in ("my-model", "./my-model", str(tmp_path / "my-model"), "my-model/"):
        resolved = resolve_model(spelling)
        assert (resolved.name, resolved.entry) == ("my-model", None)
        assert resolved.path.samefile("my-model")
    monkeypatch.chdir(tmp_path / "my-model")
    assert resolve_model(".").name == "my-model"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_model("~/my-model").path == tmp_path / "my-model"


@pytest.mark.parametrize(
    "name", ["qwen-1.5b", "DeepSeek-R1-Distill-Qwen-1.5B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"]
)
def test_a_zoo_name_needs_its_folder(home: Path, name: str) -> None:
    folder = home / "models" / "deepseek-r1-distill-qwen-1.5b"
    with pytest.raises(CheckpointError) as caught:
        resolve_model(name)
    assert caught.value.message == "deepseek-r1-distill-qwen-1.5b is not on this machine"
    assert caught.value.remedy == "sampan pull deepseek-r1-distill-qwen-1.5b"
    assert caught.value.exit_code == 2
    folder.mkdir(parents=True)
    resolved = resolve_model(name)
    assert (resolved.name, resolved.path) == ("deepseek-r1-distill-qwen-1.5b", folder)
    assert resolved.entry is find("qwen-1.5b")


@pytest.mark.parametrize(
    ("spelling", "folder"),
    [("org/repo", "org--repo"), ("org--repo", "org--repo"), ("mine", "mine"), ("org/repo/d/q.gguf", "org--repo--q")],
)
def test_a_pulled_model_is_found_by_its_hub_id_and_by_its_folder(home: Path, spelling: str, folder: str) -> None:
    with pytest.raises(UnknownModelError):
        resolve_model(spelling)
    (home / "models" / folder).mkdir(parents=True)
    resolved = resolve_model(spelling)
    assert (resolved.name, resolved.path, resolved.entry) == (spelling, home / "models" / folder, None)


def test_a_folder_that_is_one_gguf_file_opens_as_that_file(home: Path) -> None:
    folder = home / "models" / "org--repo--q4"
    folder.mkdir(parents=True)
    (folder / "model-q4.gguf").touch()
    assert resolve_model("org/repo/q4.gguf").path == folder / "model-q4.gguf"
    (folder / "config.json").touch()
    assert resolve_model("org/repo/q4.gguf").path == folder


def test_a_revision_is_only_that_revision(home: Path) -> None:
    for name in ("org--repo", "deepseek-r1-distill-qwen-7b"):
        folder = home / "models" / name
        folder.mkdir(parents=True)
        write_manifest(folder, Manifest("huggingface", "https://h", "org/repo", "v1", "c" * 40, "", "", {}))
    for name in ("org/repo", "qwen-7b"):
        for revision in ("v1", "c" * 40):
            assert resolve_model(f"{name}@{revision}").path == resolve_model(name).path
        with pytest.raises(CheckpointError, match="is here from v1, not v2") as caught:
            resolve_model(f"{name}@v2")
        assert caught.value.remedy == f"sampan pull {name}@v2 --force"


@pytest.mark.parametrize("name", ["org/repo", "org/repo/file.gguf"])
def test_a_model_of_a_hub_that_is_not_here_is_to_be_pulled(name: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        resolve_model(name)
    assert caught.value.remedy.endswith(f"sampan pull {name}")


@pytest.mark.parametrize("name", ["..", ".hidden", "../models", "org/../x", "models/.x.part"])
def test_no_name_leads_out_of_the_models(home: Path, name: str) -> None:
    for folder in (".hidden", ".x.part"):
        (home / "models" / folder).mkdir(parents=True)
    assert pulled_folder(name) is None or not pulled_folder(name).exists()


def test_a_folder_of_the_user_comes_first(tmp_path: Path) -> None:
    (tmp_path / "qwen-7b").mkdir()
    assert resolve_model("qwen-7b").entry is None


@pytest.mark.parametrize("name", ["./absent", "some/where", "/absent/model", "~/no-such-folder-here"])
def test_an_absent_folder_is_named(name: str) -> None:
    with pytest.raises(UnknownModelError, match=f"the folder {name!r} does not exist"):
        resolve_model(name)


@pytest.mark.parametrize("text", ["a whole prompt\n" * 100, "a\0b", "路由器" * 200, "and/or " * 300])
def test_any_text_is_looked_up_without_accident(text: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        resolve_model(text)
    assert len(caught.value.message) < 200
    assert "\n" not in caught.value.message


def test_an_unknown_name_brings_near_ones() -> None:
    with pytest.raises(UnknownModelError, match=r"no model is called 'qwen-1\.5' .*deepseek-r1-distill-qwen-1\.5b"):
        resolve_model("qwen-1.5")


def test_files_are_not_folders(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match=r"the file 'q4\.gguf' does not exist"):
        resolve_model("q4.gguf")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"config\.json is a file, not a model folder"):
        resolve_model("config.json")
    with pytest.raises(
        CheckpointError, match=r"model\.safetensors is a file, not a model folder \(give its folder, /m\)"
    ):
        resolve_model("/m/model.safetensors")
