"""The kernels between the linear layers against numpy, and each instruction set against the plain version."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sampan import _native
from sampan.backends import native

Float32 = npt.NDArray[np.float32]
ISAS = native.supported_isas()
FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)
SIZES = st.integers(1, 100)


def rows(count: int, sizes: st.SearchStrategy[int] = SIZES) -> st.SearchStrategy[tuple[Float32, ...]]:
    """`count` vectors of one size."""
    return sizes.flatmap(lambda n: st.tuples(*[hnp.arrays(np.float32, n, elements=FLOATS)] * count))


def normal(*shape: int, seed: int = 0) -> Float32:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def rms_norm(x: Float32, weight: Float32, isa: str | None = None, eps: float = 1e-6) -> Float32:
    out = np.empty_like(x)
    _native.rms_norm(x, weight, eps, out, isa)
    return out


def add(x: Float32, y: Float32, isa: str | None = None) -> Float32:
    out = x.copy()
    _native.add(out, y, isa)
    return out


def swiglu(gate: Float32, up: Float32, isa: str | None = None) -> Float32:
    out = np.empty_like(gate)
    _native.swiglu(gate, up, out, isa)
    return out


def rope(heads: Float32, cos: Float32, sin: Float32, isa: str | None = None) -> Float32:
    out = heads.copy()
    _native.rope(out, cos, sin, isa)
    return out


def embed(name: str, row: npt.NDArray[np.generic], scales: npt.NDArray[np.uint16] | None = None) -> Float32:
    """The same from all instruction sets."""
    outs = np.empty((len(ISAS), row.size), np.float32)
    for out, isa in zip(outs, ISAS, strict=True):
        _native.embed(name, row, scales, out, isa)
        assert out.tobytes() == outs[0].tobytes()
    return outs[0]


def assert_same_bits(left: Float32, right: Float32) -> None:
    """Bit by bit, but a NaN may be another NaN."""
    both_nan = np.isnan(left) & np.isnan(right)
    np.testing.assert_array_equal(
        np.where(both_nan, 0, left.view(np.uint32)), np.where(both_nan, 0, right.view(np.uint32))
    )


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kernel", [rms_norm, add, swiglu])
@settings(deadline=None)
@given(vectors=rows(2))
def test_every_instruction_set_returns_the_same_bits(
    kernel: Callable[..., Float32], isa: str, vectors: tuple[Float32, Float32]
) -> None:
    assert_same_bits(kernel(*vectors, isa), kernel(*vectors, "generic"))


@pytest.mark.parametrize("n", [1, 16, 17, 1536, 8960])
def test_rms_norm(n: int) -> None:
    x, weight = normal(n), normal(n, seed=1)
    exact = x.astype(np.float64) / np.sqrt(np.mean(x.astype(np.float64) ** 2) + 1e-6) * weight
    np.testing.assert_allclose(rms_norm(x, weight), exact, rtol=1e-6)


def test_rms_norm_and_swiglu_may_write_over_their_input() -> None:
    x, y = normal(50), normal(50, seed=1)
    normed, activated = rms_norm(x, y), swiglu(x, y)
    in_place = x.copy()
    _native.rms_norm(in_place, y, 1e-6, in_place)
    assert in_place.tobytes() == normed.tobytes()
    _native.swiglu(x, y, x)
    assert x.tobytes() == activated.tobytes()


def test_add_rounds_once() -> None:
    x, y = normal(999), normal(999, seed=1)
    assert add(x, y).tobytes() == (x + y).tobytes()


def test_swiglu() -> None:
    gate, up = normal(5000) * 30, normal(5000, seed=1)
    exact = gate.astype(np.float64) / (1 + np.exp(-gate.astype(np.float64))) * up
    np.testing.assert_allclose(swiglu(gate, up), exact, rtol=5e-7, atol=1e-36)


def test_swiglu_where_exp_leaves_its_range() -> None:
    gate = np.array([0.0, -0.0, 200.0, -200.0, np.inf, np.nan], np.float32)
    expected = np.array([0.0, -0.0, 200.0, -0.0, np.inf, np.nan], np.float32)
    assert_same_bits(swiglu(gate, np.ones(6, np.float32)), expected)


@pytest.mark.parametrize("head_dim", [32, 64, 96, 128, 256])
def test_rope_is_that_of_rotate_half(head_dim: int) -> None:
    heads = normal(3, head_dim)
    angles = np.random.default_rng(1).uniform(0, 7, head_dim // 2)
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    first, second = np.split(heads.astype(np.float64), 2, axis=1)
    rotated_half = np.concatenate([-second, first], axis=1)
    exact = heads * np.tile(cos, 2).astype(np.float64) + rotated_half * np.tile(sin, 2)
    np.testing.assert_allclose(rope(heads, cos, sin), exact, atol=5e-7)
    for isa in ISAS:
        assert_same_bits(rope(heads, cos, sin, isa), rope(heads, cos, sin, "generic"))


EVERY_HALF = np.arange(2**16, dtype=np.uint16)


@pytest.mark.parametrize("n", [1, 15, 16, 50])
def test_embed_reads_no_element_behind_the_row(n: int) -> None:
    wide = normal(n + 1)
    assert embed("fp32", wide[:n]).tobytes() == wide[:n].tobytes()
    assert embed("bf16", wide.view(np.uint16)[1 : 2 * n : 2].copy()).size == n


def test_embed_of_every_bf16() -> None:
    assert_same_bits(embed("bf16", EVERY_HALF), (EVERY_HALF.astype(np.uint32) << 16).view(np.float32))


def test_embed_of_every_fp16() -> None:
    assert_same_bits(embed("fp16", EVERY_HALF), EVERY_HALF.view(np.float16).astype(np.float32))


def test_embed_of_int8_codes() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(-127, 128, 96).astype(np.int8)
    scales = rng.uniform(1e-4, 1e-2, 3).astype(np.float16)
    expected = codes.astype(np.float32) * np.repeat(scales.astype(np.float32), _native.GROUP_SIZE)
    assert embed("int8", codes, scales.view(np.uint16)).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: _native.rms_norm(x, x[1:].copy(), 1e-6, x),
        lambda x: _native.add(x, x[1:].copy()),
        lambda x: _native.swiglu(x, x, x[1:].copy()),
        lambda x: _native.rope(x[:48].reshape(1, 48), x[:24].copy(), x[:24].copy()),
        lambda x: _native.rope(x.reshape(1, 64), x[:32].copy(), x[:31].copy()),
        lambda x: _native.embed("bf16", x, None, x),
        lambda x: _native.embed("int8", x.astype(np.int8), None, x),
        lambda x: _native.embed("int8", x.astype(np.int8), np.zeros(1, np.uint16), x),
    ],
)
def test_sizes_that_do_not_fit_are_refused(call: Callable[[Float32], None]) -> None:
    with pytest.raises(ValueError, match=r"must|needs"):
        call(np.zeros(64, np.float32))
