"""A tiny model whose weights are codes, as a quantiser makes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from quantized_folders import quantized
from sampan.checkpoint import CodedTensor
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
