"""Models in another form: the same weights and the same texts."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sampan.checkpoint import model_folder, open_checkpoint
from sampan.convert import convert
from sampan.errors import CheckpointError, ConfigError, SampanError
from sampan.text import Tokenizer
from sampan.zoo import EMBEDDED_MODEL, find
from tiny_checkpoints import make_checkpoint

TINY = model_folder(find(EMBEDDED_MODEL))
WEIGHTS = "model.safetensors"


def texts(folder: Path) -> dict[str, bytes]:
    """Files that are neither weights nor `config.json`."""
    files = (path for path in folder.iterdir() if path.suffix not in (".safetensors", ".pdparams"))
    return {path.name: path.read_bytes() for path in files if path.name != "config.json"}


def test_to_pdparams_and_back_changes_no_bit(tmp_path: Path) -> None:
    assert convert("sampan-tiny", tmp_path / "paddle", form="pdparams") == "bf16"
    assert convert(str(tmp_path / "paddle"), tmp_path / "again") == "bf16"
    assert (tmp_path / "again" / WEIGHTS).read_bytes() == (TINY / WEIGHTS).read_bytes()
    assert texts(tmp_path / "paddle") == texts(tmp_path / "again") == texts(TINY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "paddle"]


def test_through_a_gguf_file_changes_no_bit(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    convert("sampan-tiny", tmp_path / "m.gguf", form="gguf", dtype="bf16", report=lambda *now: seen.append(now))
    assert seen[-1][0] == seen[-1][1] > 7_000_000
    convert(str(tmp_path / "m.gguf"), tmp_path / "again", dtype="bf16", report=lambda *now: seen.append(now))
    assert seen[-1][0] == seen[-1][1]
    assert (tmp_path / "again" / WEIGHTS).read_bytes() == (TINY / WEIGHTS).read_bytes()
    ours, real = Tokenizer.from_dir(tmp_path / "again"), Tokenizer.from_dir(TINY)
    assert ours.all_bytes() == real.all_bytes()
    assert ours.config.chat_template == real.config.chat_template


def test_a_quantised_source_keeps_every_bit(tmp_path: Path) -> None:
    assert convert("sampan-tiny", tmp_path / "m.gguf", form="gguf") == "q8_0"
    assert convert(str(tmp_path / "m.gguf"), tmp_path / "floats", form="pdparams") == "fp32"
    source, floats = open_checkpoint(tmp_path / "m.gguf"), open_checkpoint(tmp_path / "floats")
    for name in source.names():
        np.testing.assert_array_equal(floats.get(name), source.get(name), strict=True)
    convert(str(tmp_path / "m.gguf"), tmp_path / "again.gguf", form="gguf")
    assert (tmp_path / "again.gguf").read_bytes() == (tmp_path / "m.gguf").read_bytes()


def test_what_exists_stays(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_text("mine")
    with pytest.raises(CheckpointError, match="exists already"):
        convert("sampan-tiny", tmp_path / "m.gguf", form="gguf")
    with pytest.raises(CheckpointError, match="exists already"):
        convert("sampan-tiny", tmp_path)
    assert (tmp_path / "m.gguf").read_text() == "mine"


def test_wrong_wishes_are_refused_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for form, dtype in (("safetensors", "q8_0"), ("onnx", "auto"), ("gguf", "q2_k")):
        with pytest.raises(ConfigError):
            convert("sampan-tiny", tmp_path / "m", form=form, dtype=dtype)
    make_checkpoint(tmp_path / "mute")
    with pytest.raises(SampanError, match=r"tokenizer\.json does not exist"):
        convert(str(tmp_path / "mute"), tmp_path / "m.gguf", form="gguf")
    with pytest.raises(CheckpointError, match="No such file"):
        convert("sampan-tiny", tmp_path / "absent" / "m")
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=2, f_frsize=4096))
    for form in ("gguf", "safetensors", "pdparams"):
        with pytest.raises(CheckpointError, match=r"0\.0 GB free, and the weights need 0\.0 GB"):
            convert("sampan-tiny", tmp_path / "m", form=form)
    assert [path.name for path in tmp_path.iterdir()] == ["mute"]
