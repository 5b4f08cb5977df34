"""The simulated formats leave what the kernels leave."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from benchmarks.quality.formats import absmax_int8, bf16, fp16, packed_weight, unpacked

import numpy_packer
from sampan.checkpoint.dtypes import from_float32, to_float32

Float32Array = npt.NDArray[np.float32]


def heavy_tailed(seed: int) -> Float32Array:
    values = np.random.default_rng(seed).standard_t(3, (48, 96)).astype(np.float32) * np.float32(0.05)
    values[0, :32], values[1, 32:] = 0.0, values[1, 32:] * 1e3
    return values


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_weights_are_what_packing_leaves(precision: str) -> None:
    weight = heavy_tailed(0)[:40]
    pack = {"int8": numpy_packer.pack_int8, "int4": numpy_packer.pack_int4}[precision]
    assert np.array_equal(packed_weight(weight, precision), unpacked(*pack(weight), precision)[:40])


@pytest.mark.parametrize(("precision", "most"), [("int8", 0.02), ("int4", 0.2)])
def test_weights_stay_near(precision: str, most: float) -> None:
    weight = heavy_tailed(1)
    error = np.abs(packed_weight(weight, precision) - weight).reshape(48, 3, 32).max(axis=-1)
    assert (error <= most * np.abs(weight).reshape(48, 3, 32).max(axis=-1)).all()


def test_activations() -> None:
    x = np.array([[127.0, 63.4, -0.6, 0.4] * 8 + [0.0] * 32], np.float32)
    assert absmax_int8(x).tolist() == [[127.0, 63.0, -1.0, 0.0] * 8 + [0.0] * 32]


def test_sixteen_bit_floats() -> None:
    x = heavy_tailed(2)
    assert np.array_equal(bf16(x), to_float32(from_float32(x, "bf16"), "bf16"))
    assert np.array_equal(fp16(x), to_float32(from_float32(x, "fp16"), "fp16"))
