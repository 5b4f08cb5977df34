"""GGUF files that were cut into parts: one model, or a part that is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import gguf
import numpy as np
import pytest

from gguf_files import write_out
from sampan.checkpoint import open_checkpoint, write_gguf
from sampan.checkpoint.gguf.reader import GgufFile
from sampan.errors import CheckpointError
from sampan.quant.source_hash import source_hash
from tiny_checkpoints import QWEN, make_checkpoint


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    write_gguf(tmp_path / "whole.gguf", make_checkpoint(tmp_path / "model", QWEN), "q8_0")
    return tmp_path / "whole.gguf"


@pytest.fixture
def parts(whole: Path) -> list[Path]:
    """The same, cut by the `gguf` package after every ten tensors."""
    reader = gguf.GGUFReader(whole)
    writer = gguf.GGUFWriter(whole.with_name("m.gguf"), "qwen2", split_max_tensors=10)
    for key, value in GgufFile(whole).keys.items():
        if not key.startswith(("general.architecture", "general.alignment")):
            add = {int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}[type(value)]
            add(key, value)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    write_out(writer)
    return sorted(whole.parent.glob("m-*.gguf"))


def test_parts_are_the_whole(whole: Path, parts: list[Path]) -> None:
    assert [path.name for path in parts] == [f"m-{number:05d}-of-00003.gguf" for number in (1, 2, 3)]
    expected = open_checkpoint(whole)
    for named in parts:
        checkpoint = open_checkpoint(named)
        assert checkpoint.config == expected.config
        assert sorted(checkpoint.names()) == sorted(expected.names())
        assert checkpoint.files() == parts
        for name in expected.names():
            np.testing.assert_array_equal(checkpoint.get(name), expected.get(name), strict=True)


def test_a_change_in_any_part_is_another_model(parts: list[Path], tmp_path: Path) -> None:
    seen = {source_hash(open_checkpoint(parts[0]), tmp_path)}
    for path in parts:
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        seen.add(source_hash(open_checkpoint(parts[0]), tmp_path))
    assert len(seen) == 4


def test_wrong_parts_are_refused_by_name(parts: list[Path]) -> None:
    aside = parts[1].read_bytes()
    parts[1].unlink()
    with pytest.raises(CheckpointError, match=r"m-00002-of-00003\.gguf cannot be read"):
        open_checkpoint(parts[0])
    shutil.copy(parts[2], parts[1])
    with pytest.raises(CheckpointError, match=r"m-00002-of-00003\.gguf is not part 2 of 3"):
        open_checkpoint(parts[0])
    parts[1].write_bytes(aside[: len(aside) // 2])
    with pytest.raises(CheckpointError, match=r"m-00002-of-00003\.gguf: truncated"):
        open_checkpoint(parts[0])
    parts[1].write_bytes(aside)
    for name in ("m.gguf", "m-00001-of-00002.gguf", "m-1-of-3.gguf"):
        parts[0].rename(parts[0].with_name(name))
        with pytest.raises(CheckpointError, match="is one part of several, and is not called so"):
            open_checkpoint(parts[0].with_name(name))
        parts[0].with_name(name).rename(parts[0])
    open_checkpoint(parts[0])
