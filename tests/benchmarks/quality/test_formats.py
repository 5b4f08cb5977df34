"""The simulated formats leave what the kernels leave."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from benchmarks.quality.formats import absmax_int8, bf16, fp16

from sampan.checkpoint.dtypes import from_float32, to_float32

Float32Array = npt.NDArray[np.float32]


def heavy_tailed(seed: int) -> Float32Array:
    values = np.random.default_rng(seed).standard_t(3, (48, 96)).astype(np.float32) * np.float32(0.05)
    values[0, :32], values[1, 32:] = 0.0, values[1, 32:] * 1e3
    return values


def test_activations() -> None:
    x = np.array([[127.0, 63.4, -0.6, 0.4] * 8 + [0.0] * 32], np.float32)
    assert absmax_int8(x).tolist() == [[127.0, 63.0, -1.0, 0.0] * 8 + [0.0] * 32]


def test_sixteen_bit_floats() -> None:
    x = heavy_tailed(2)
    assert np.array_equal(bf16(x), to_float32(from_float32(x, "bf16"), "bf16"))
    assert np.array_equal(fp16(x), to_float32(from_float32(x, "fp16"), "fp16"))
