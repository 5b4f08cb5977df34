"""GGUF files as the `gguf` package writes them: the same values to the bit."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Type

from gguf_files import random_blocks, write_out
from sampan.checkpoint.gguf.reader import GgufFile

QUANTISED = ["Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K"]


def write(path: Path, tensors: dict[str, tuple[np.ndarray, Type | None]]) -> None:
    writer = gguf.GGUFWriter(path, "qwen2")
    for name, (data, kind) in tensors.items():
        writer.add_tensor(name, data, raw_dtype=kind)
    write_out(writer)


@pytest.mark.parametrize("name", QUANTISED)
def test_each_quantised_type_is_widened_as_the_gguf_package_does(tmp_path: Path, name: str) -> None:
    stored = random_blocks(name, 37, 768)
    write(tmp_path / "m.gguf", {"w": (stored, Type[name]), "v": (stored[0], Type[name])})
    file = GgufFile(tmp_path / "m.gguf")
    wanted = gguf.quants.dequantize(stored, Type[name])
    assert wanted.shape == (37, 768)
    raw = file.raw("w")
    assert (raw.dtype, raw.shape) == ("fp32", (37, 768))
    np.testing.assert_array_equal(raw.data.view(np.uint32), wanted.view(np.uint32), strict=True)
    np.testing.assert_array_equal(file.get("w"), wanted, strict=True)
    np.testing.assert_array_equal(raw.rows(3, 20), wanted[3:20], strict=True)
    np.testing.assert_array_equal(file.raw("v").rows(5, 700), wanted[0, 5:700], strict=True)


@pytest.mark.parametrize("name", ["Q8_0", "Q4_0"])
def test_what_the_gguf_package_quantises_comes_back_as_it_says(tmp_path: Path, name: str) -> None:
    values = np.random.default_rng(1).standard_normal((16, 512), np.float32)
    stored = gguf.quants.quantize(values, Type[name])
    write(tmp_path / "m.gguf", {"w": (stored, Type[name])})
    np.testing.assert_array_equal(
        GgufFile(tmp_path / "m.gguf").get("w"), gguf.quants.dequantize(stored, Type[name]), strict=True
    )


def test_floats_are_views_of_the_file(tmp_path: Path) -> None:
    values = np.random.default_rng(2).standard_normal((5, 32), np.float32)
    bf16 = gguf.quants.quantize(values, Type.BF16)
    tensors = {"a": (values, None), "b": (values.astype(np.float16), None), "c": (bf16, Type.BF16)}
    write(tmp_path / "m.gguf", tensors)
    file = GgufFile(tmp_path / "m.gguf")
    assert [file.raw(name).dtype for name in "abc"] == ["fp32", "fp16", "bf16"]
    np.testing.assert_array_equal(file.get("a"), values, strict=True)
    np.testing.assert_array_equal(file.raw("b").rows(1, 3), values.astype(np.float16)[1:3], strict=True)
    np.testing.assert_array_equal(file.get("c"), gguf.quants.dequantize(bf16, Type.BF16), strict=True)
    assert not file.raw("a").data.flags.writeable
