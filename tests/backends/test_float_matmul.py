"""Products with float weights: close to the exact product, and the same bits for every instruction set and batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan import _native
from sampan._native import PANEL
from sampan.backends import native

Float32 = npt.NDArray[np.float32]
ISAS = native.supported_isas()
FORMATS = ["bf16", "fp16", "fp32"]


class Weights:
    """A matrix [n, k] in panels, and the values that its format can hold."""

    def __init__(self, name: str, n: int, k: int, seed: int = 0) -> None:
        exact = np.random.default_rng(seed).standard_normal((n, k), dtype=np.float32)
        self.format = name
        stored: npt.NDArray[np.uint16] | Float32 = exact
        self.values = exact
        if name == "fp16":
            stored = exact.astype(np.float16).view(np.uint16)
            self.values = stored.view(np.float16).astype(np.float32)
        if name == "bf16":
            stored = (exact.view(np.uint32) >> 16).astype(np.uint16)
            self.values = (stored.astype(np.uint32) << 16).view(np.float32)
        padded = np.pad(stored, ((0, -n % PANEL), (0, 0)))
        self.packed = np.ascontiguousarray(padded.reshape(-1, PANEL, k).transpose(0, 2, 1))  # [panels, k, PANEL]


def inputs(rows: int, k: int, seed: int = 1) -> Float32:
    return np.random.default_rng(seed).standard_normal((rows, k), dtype=np.float32)


def multiply(x: Float32, weights: Weights, isa: str | None = None) -> Float32:
    y = np.full((len(x), len(weights.packed) * PANEL), np.nan, np.float32)
    _native.float_matmul(weights.format, weights.packed, x, y, 0, len(weights.packed), isa)
    return y


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("rows", "n", "k"), [(1, 16, 1), (1, 80, 1000), (5, 33, 257), (13, 160, 512), (40, 16, 64)])
def test_close_to_the_exact_product(name: str, rows: int, n: int, k: int) -> None:
    weights, x = Weights(name, n, k), inputs(rows, k)
    y = multiply(x, weights)
    exact = x.astype(np.float64) @ weights.values.T.astype(np.float64)
    # A sum of k products rounds k times, each time by at most half a unit of the sum of magnitudes.
    bound = (k + 2) * 2.0**-24 * (np.abs(x).astype(np.float64) @ np.abs(weights.values.T).astype(np.float64))
    assert (np.abs(y[:, :n] - exact) <= bound).all()
    assert (y[:, n:] == 0).all()


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(FORMATS),
    rows=st.integers(1, 30),
    panels=st.integers(1, 9),
    k=st.one_of(st.integers(1, 40), st.integers(250, 260), st.integers(510, 515)),
)
def test_every_instruction_set_returns_the_same_bits(name: str, rows: int, panels: int, k: int) -> None:
    weights, x = Weights(name, panels * PANEL, k), inputs(rows, k)
    expected = multiply(x, weights, "generic").tobytes()
    assert all(multiply(x, weights, isa).tobytes() == expected for isa in ISAS)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("isa", ISAS)
def test_a_row_is_the_same_alone_and_among_others(name: str, isa: str) -> None:
    weights, x = Weights(name, 48, 300), inputs(29, 300)
    together = multiply(x, weights, isa)
    for rows in range(1, 29):
        assert multiply(x[:rows], weights, isa).tobytes() == together[:rows].tobytes()


@pytest.mark.parametrize("isa", ISAS)
def test_the_order_of_the_sum(isa: str) -> None:
    """fma in ascending order within chunks of 256, and the chunks one after the other."""
    k = 600
    weights, x = Weights("bf16", 16, k), inputs(1, k)
    expected = np.zeros(16, np.float32)
    for begin in range(0, k, 256):
        chunk = np.zeros(16, np.float32)
        for i in range(begin, min(begin + 256, k)):
            # x86's long double holds such a product exactly, and rounds the sum far below the last bit of a float.
            chunk = (np.longdouble(x[0, i]) * weights.values[:, i] + chunk).astype(np.float32)
        expected += chunk
    assert multiply(x, weights, isa)[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize("isa", ISAS)
def test_panels_outside_the_range_are_not_touched(isa: str) -> None:
    weights, x = Weights("bf16", 5 * PANEL, 70), inputs(9, 70)
    whole = multiply(x, weights, isa)
    y = np.full((9, 6 * PANEL), np.nan, np.float32)
    _native.float_matmul("bf16", weights.packed, x, y, 1, 4, isa)
    assert y[:, PANEL : 4 * PANEL].tobytes() == whole[:, PANEL : 4 * PANEL].tobytes()
    assert np.isnan(y[:, :PANEL]).all()
    assert np.isnan(y[:, 4 * PANEL :]).all()


@pytest.mark.parametrize("isa", ISAS)
def test_a_fault_stays_in_its_row(isa: str) -> None:
    weights, x = Weights("bf16", 16, 64), inputs(8, 64)
    sound = multiply(x, weights, isa)
    x[3, 5] = np.nan
    y = multiply(x, weights, isa)
    assert np.isnan(y[3]).all()
    assert np.delete(y, 3, 0).tobytes() == np.delete(sound, 3, 0).tobytes()


def test_arrays_that_do_not_fit_are_refused() -> None:
    weights, x, y = Weights("bf16", 32, 8).packed, np.zeros((2, 8), np.float32), np.zeros((2, 32), np.float32)
    for arguments in [
        ("fp32", weights, x, y, 0, 2),
        ("int8", weights, x, y, 0, 2),
        ("bf16", weights[:, :, :8].copy(), x, y, 0, 2),
        ("bf16", weights, x[:, :7].copy(), y, 0, 2),
        ("bf16", weights, x, y[:, :31].copy(), 0, 2),
        ("bf16", weights, x, y[:1], 0, 2),
        ("bf16", weights, x, y, 0, 3),
        ("bf16", weights, x, y, -1, 2),
    ]:
        with pytest.raises(ValueError, match="must"):
            _native.float_matmul(*arguments)
