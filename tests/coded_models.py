"""A tiny model whose weights are codes, as a quantiser makes them, and what must hold of codes that are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from quantized_folders import Quantized, quantized
from sampan.checkpoint import CodedTensor, open_checkpoint
from sampan.checkpoint.dtypes import from_float32, to_float32
from tiny_checkpoints import QWEN, random_tensors

CONFIG = replace(QWEN, hidden_size=128, intermediate_size=256, head_dim=32)


def coded_model(seed: int = 0) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """int4 with down_proj in int8, and what it stands for."""
    tensors: dict[str, Any] = dict(random_tensors(CONFIG, seed))
    floats: dict[str, np.ndarray] = {}
    for name, values in tensors.items():
        if not name.endswith("_proj.weight"):
            floats[name] = to_float32(from_float32(values, "bf16"), "bf16")
            continue
        matrix = quantized(*values.shape, 8 if "down_proj" in name else 4, 32, seed=seed)
        codes, scales = matrix.differences.astype(np.int8), matrix.scales.astype(np.float16)
        tensors[name] = CodedTensor(
            matrix.bits, 32, values.shape, lambda begin, end, c=codes, s=scales: (c[begin:end], s[begin:end]), Path()
        )
        floats[name] = matrix.floats
    return tensors, floats


def check_floats(folder: Path, floats: dict[str, np.ndarray]) -> None:
    """Exactly these tensors, whole and by rows."""
    checkpoint = open_checkpoint(folder)
    assert sorted(checkpoint.names()) == sorted(floats)
    for name, values in floats.items():
        np.testing.assert_array_equal(checkpoint.get(name), values, strict=True)
        raw = checkpoint.raw(name)
        if len(values.shape) == 2:
            middle = raw.rows(3, 14)
            bits = middle.view(np.uint16).astype(np.uint32) << 16 if raw.dtype == "bf16" else middle
            np.testing.assert_array_equal(bits.view(np.float32), values[3:14])


def check_codes(coded: CodedTensor | None, matrix: Quantized, bits: int, group_size: int) -> None:
    """The codes and scales of the matrix, whole and by rows."""
    assert coded is not None
    assert (coded.bits, coded.group_size, coded.shape) == (bits, group_size, matrix.codes.shape)
    for begin, end in ((0, len(matrix.codes)), (5, 9)):
        codes, scales = coded.rows(begin, end)
        assert codes.dtype == np.int8
        assert scales.dtype == np.float16
        np.testing.assert_array_equal(codes, matrix.differences[begin:end])
        np.testing.assert_array_equal(scales, matrix.scales[begin:end])
