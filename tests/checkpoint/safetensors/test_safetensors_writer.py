from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from safetensors import deserialize, safe_open
from safetensors.numpy import load_file

from sampan.checkpoint import SafetensorsFile, write_safetensors
from sampan.checkpoint.dtypes import from_float32
from sampan.checkpoint.safetensors.header import ALIGNMENT
from sampan.errors import CheckpointError, ConfigError

VALUES = np.random.default_rng(0).standard_normal((5, 3), np.float32)


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_the_safetensors_library_reads_our_files(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "w.safetensors"
    tensors = {"a": VALUES, "ids": np.int32([[1, -2]]), "scalar": np.array(2.0, np.float32), "empty": VALUES[:0]}
    write_safetensors(path, tensors, dtype, {"format": "pt", "made by": "舢板"})
    loaded = load_file(path)
    assert loaded.keys() == tensors.keys()
    numpy_dtype = {"fp32": np.float32, "fp16": np.float16}[dtype]
    np.testing.assert_array_equal(loaded["a"], VALUES.astype(numpy_dtype), strict=True)
    np.testing.assert_array_equal(loaded["ids"], tensors["ids"], strict=True)
    assert loaded["scalar"] == 2.0
    assert loaded["empty"].shape == (0, 3)
    with safe_open(path, "np") as file:
        assert file.metadata() == {"format": "pt", "made by": "舢板"}


def test_bf16_bytes_are_what_the_safetensors_library_sees(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_safetensors(path, {"a": VALUES})
    [(name, view)] = deserialize(path.read_bytes())
    assert (name, view["dtype"], view["shape"]) == ("a", "BF16", [5, 3])
    assert bytes(view["data"]) == from_float32(VALUES, "bf16").tobytes()


def test_views_and_other_float_widths_are_stored_by_value(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    tensors = {
        "transposed": VALUES.T,
        "strided": VALUES[::2, 1:],
        "fp64": VALUES.astype(np.float64),
        "big": VALUES.astype(">f4"),
    }
    write_safetensors(path, tensors, "fp32")
    file = SafetensorsFile(path)
    for name, array in tensors.items():
        np.testing.assert_array_equal(file.get(name), array.astype(np.float32))


def test_wide_elements_come_first_and_data_is_aligned(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_safetensors(path, {"i8": np.int8([1, 2, 3]), "f": VALUES, "i64": np.int64([4])}, "fp32")
    file = SafetensorsFile(path)
    assert file.names() == ["i64", "f", "i8"]
    assert all(file.raw(name).data.flags.aligned for name in file.names())
    assert (8 + int.from_bytes(path.read_bytes()[:8], "little")) % ALIGNMENT == 0


def test_refused_input_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_safetensors(path, {"a": VALUES})
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="tensor 'b' has values beyond fp16"):
        write_safetensors(path, {"a": VALUES, "b": np.float32([1e6])}, "fp16")
    with pytest.raises(CheckpointError, match="tensor 'b' of numpy type complex64 cannot be stored"):
        write_safetensors(path, {"b": np.complex64([1])})
    with pytest.raises(ConfigError, match="dtype='q4' is unknown"):
        write_safetensors(path, {"a": VALUES}, "q4")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_reported_and_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.safetensors"
    write_safetensors(path, {"a": VALUES})
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match=r"w\.safetensors cannot be written: No space left on device"):
        write_safetensors(path, {"a": VALUES * 2})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be written: No such file or directory"):
        write_safetensors(tmp_path / "absent" / "w.safetensors", {"a": VALUES})
