"""The integer products: each instruction set returns the bits of the definition in csrc/include/sampan/matmul.h."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sampan import _native
from sampan._native import GROUP_SIZE, PANEL
from sampan.backends import native

Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]
Float32 = npt.NDArray[np.float32]
ISAS = native.supported_isas()
FORMATS = {"int8": 127, "int4": 7}  # largest code
PAIRS = [(isa, weights) for isa in ISAS for weights in FORMATS]


@dataclass(frozen=True)
class Rows:
    """Quantised activations."""

    codes: Int8  # [rows, k]
    scales: Float32  # [rows, k / GROUP_SIZE]
    sums: Int32  # [rows, k / GROUP_SIZE]

    def __getitem__(self, rows: slice) -> Rows:
        return Rows(self.codes[rows], self.scales[rows], self.sums[rows])

    def same_bits(self, other: Rows) -> bool:
        pairs = ((self.codes, other.codes), (self.scales, other.scales), (self.sums, other.sums))
        return all(left.tobytes() == right.tobytes() for left, right in pairs)


@dataclass(frozen=True)
class Weights:
    """A matrix [n, k] before it is packed: weight is about code * scale."""

    format: str
    codes: Int8  # [n, k]
    scales: npt.NDArray[np.float16]  # [n, k / GROUP_SIZE]


def random_weights(weight_format: str, n: int, k: int, seed: int = 0) -> Weights:
    rng = np.random.default_rng(seed)
    largest = FORMATS[weight_format]
    codes = rng.integers(-largest - 1, largest, size=(n, k), endpoint=True).astype(np.int8)
    scales = rng.uniform(1e-3, 1e-2, size=(n, k // GROUP_SIZE)).astype(np.float16)
    return Weights(weight_format, codes, scales)


def random_rows(rows: int, k: int, seed: int = 1) -> Rows:
    x = np.random.default_rng(seed).standard_normal((rows, k), dtype=np.float32)
    return quantize(x * np.exp(x[:, ::-1]))


def quantize(x: Float32, isa: str | None = None) -> Rows:
    groups = (x.shape[0], x.shape[1] // GROUP_SIZE)
    rows = Rows(np.empty(x.shape, np.int8), np.empty(groups, np.float32), np.empty(groups, np.int32))
    _native.quantize_rows(x, rows.codes, rows.scales, rows.sums, isa)
    return rows


def pack_by_hand(weights: Weights) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
    """The panels of csrc/include/sampan/matmul.h."""
    padding = ((0, -len(weights.codes) % PANEL), (0, 0))
    codes = np.pad(weights.codes, padding).astype(np.int16) + FORMATS[weights.format] + 1
    panels, k = len(codes) // PANEL, codes.shape[1]
    packed = codes.astype(np.uint8).reshape(panels, PANEL, k // 4, 4).transpose(0, 2, 1, 3)
    if weights.format == "int4":
        packed = packed[:, 0::2] | packed[:, 1::2] << 4
    scales = np.pad(weights.scales, padding).reshape(panels, PANEL, k // GROUP_SIZE).transpose(0, 2, 1)
    return packed.ravel(), np.ascontiguousarray(scales).view(np.uint16).ravel()


def multiply(x: Rows, weights: Weights, isa: str | None, panels: tuple[int, int] | None = None) -> Float32:
    """y [rows, padded channels]; NaN where nothing was written."""
    n, k = weights.codes.shape
    padded = -(-n // PANEL)
    y = np.full((len(x.codes), padded * PANEL), np.nan, dtype=np.float32)
    codes, scales = pack_by_hand(weights)
    begin, end = panels or (0, padded)
    _native.matmul(weights.format, codes, scales, n, k, x.codes, x.scales, x.sums, y, begin, end, isa)
    return y


def fused_multiply_add(a: Float32, b: Float32, c: Float32) -> Float32:
    """a * b + c, rounded once, for an `a` of at most 29 bits.

    The product is exact in float64. Their sum is rounded to odd there, and so the second rounding, to float32, is right
    (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
    """
    product, addend = a.astype(np.float64) * b.astype(np.float64), c.astype(np.float64)
    total = product + addend
    virtual = total - product
    error = (product - (total - virtual)) + (addend - virtual)
    even = total.view(np.int64) & 1 == 0
    towards = np.where(error > 0, np.inf, -np.inf)
    return np.where((error != 0) & even, np.nextafter(total, towards), total).astype(np.float32)


def multiply_by_definition(x: Rows, weights: Weights) -> Float32:
    """y [rows, n] for finite scales."""
    y = np.zeros((len(x.codes), len(weights.codes)), np.float32)
    for group in range(x.scales.shape[1]):
        span = slice(group * GROUP_SIZE, (group + 1) * GROUP_SIZE)
        dot = x.codes[:, span].astype(np.int32) @ weights.codes[:, span].astype(np.int32).T
        scale = x.scales[:, group, None] * weights.scales[:, group].astype(np.float32)
        y = fused_multiply_add(dot.astype(np.float32), scale, y)
    return y


def quantize_by_hand(x: Float32) -> Rows:
    """The definition for finite values."""
    groups = x.reshape(len(x), x.shape[1] // GROUP_SIZE, GROUP_SIZE)
    absmax = np.abs(groups).max(axis=2, initial=0)
    absmax[absmax < np.float32(2.0**-100)] = 0
    with np.errstate(divide="ignore"):
        inverse = np.where(absmax == 0, np.float32(0), np.float32(127) / absmax)
    codes = np.rint(groups * inverse[:, :, None]).astype(np.int8)
    return Rows(codes.reshape(x.shape), absmax / np.float32(127), codes.sum(axis=2, dtype=np.int32))


# ---- quantize_rows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", [(0, 32), (1, 0), (1, 32), (3, 96), (2, 1536), (64, 384), (7, 8960)])
def test_quantisation_follows_the_definition(isa: str, shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    assert quantize(x, isa).same_bits(quantize_by_hand(x))


@pytest.mark.parametrize("isa", ISAS[1:])
@given(x=hnp.arrays(np.float32, st.tuples(st.integers(1, 3), st.sampled_from([32, 64])), elements=st.floats(width=32)))
def test_every_isa_quantises_any_float_to_the_same_bits(isa: str, x: Float32) -> None:
    """NaN, Inf and subnormals among them."""
    assert quantize(x, isa).same_bits(quantize(x, "generic"))


@pytest.mark.parametrize("isa", ISAS)
def test_halves_round_to_even(isa: str) -> None:
    x = np.zeros((1, 32), dtype=np.float32)
    x[0, :7] = [127.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5]
    rows = quantize(x, isa)
    assert rows.codes[0, :7].tolist() == [127, 0, 2, 2, 0, -2, -2]
    assert (rows.scales.tolist(), rows.sums.tolist()) == ([[1.0]], [[127]])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_a_bad_value_spoils_its_own_group_only(isa: str, bad: float) -> None:
    x = np.ones((2, 3 * GROUP_SIZE), dtype=np.float32)
    x[0, GROUP_SIZE + 5] = bad
    rows = quantize(x, isa)
    assert np.isnan(rows.scales).tolist() == [[False, True, False], [False, False, False]]
    assert rows.sums.tolist() == [[32 * 127, 0, 32 * 127], [32 * 127] * 3]
    assert not rows.codes[0, GROUP_SIZE : 2 * GROUP_SIZE].any()
    assert (rows.codes[1] == 127).all()


@pytest.mark.parametrize("isa", ISAS)
def test_groups_of_almost_nothing_are_zero(isa: str) -> None:
    x = np.zeros((1, 32), dtype=np.float32)
    x[0, :3] = [-0.0, 1e-40, 2.0**-101]
    assert quantize(x, isa).same_bits(quantize(np.zeros_like(x), "generic"))


@pytest.mark.parametrize("isa", ISAS)
def test_the_largest_floats_are_in_range(isa: str) -> None:
    top = np.finfo(np.float32).max
    x = np.zeros((1, 32), dtype=np.float32)
    x[0, :3] = [top, -top, top / 2]
    rows = quantize(x, isa)
    assert rows.codes[0, :3].tolist() == [127, -127, 64]
    assert np.isfinite(rows.scales).all()


def test_quantisation_refuses_wrong_shapes() -> None:
    x = np.zeros((2, 64), dtype=np.float32)
    codes, scales, sums = np.zeros((2, 64), np.int8), np.zeros((2, 2), np.float32), np.zeros((2, 2), np.int32)
    with pytest.raises(ValueError, match="codes must have x's shape"):
        _native.quantize_rows(x, codes[:, :32].copy(), scales, sums)
    with pytest.raises(ValueError, match="one column per group"):
        _native.quantize_rows(x, codes, scales[:, :1].copy(), sums)
    with pytest.raises(ValueError, match="one column per group"):
        _native.quantize_rows(x, codes, scales, sums[:1])
    with pytest.raises(ValueError, match="multiple of GROUP_SIZE"):
        _native.quantize_rows(x[:, :40].copy(), codes[:, :40].copy(), scales, sums)


# ---- matmul -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("isa", "weight_format"), PAIRS)
@pytest.mark.parametrize("k", [32, 64, 96, 1536, 8960])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_products_follow_the_definition(isa: str, weight_format: str, rows: int, k: int) -> None:
    weights, x = random_weights(weight_format, 40, k), random_rows(rows, k)
    y = multiply(x, weights, isa)
    assert y[:, :40].tobytes() == multiply_by_definition(x, weights).tobytes()
    assert not y[:, 40:].any()  # channels of padding


@pytest.mark.parametrize(("isa", "weight_format"), PAIRS)
@pytest.mark.parametrize("rows", [2, 7, 32, 257])
@pytest.mark.parametrize("k", [32, 96, 1536])
def test_a_row_has_the_same_bits_alone_and_among_others(isa: str, weight_format: str, rows: int, k: int) -> None:
    weights, x = random_weights(weight_format, 80, k), random_rows(rows, k)
    together = multiply(x, weights, isa)
    for row in {0, 1, rows // 2, rows - 1}:
        alone = multiply(x[row : row + 1], weights, "generic")
        assert together[row : row + 1].tobytes() == alone.tobytes()


@pytest.mark.parametrize(("isa", "weight_format"), PAIRS)
def test_every_number_of_rows_has_the_same_bits(isa: str, weight_format: str) -> None:
    weights, x = random_weights(weight_format, 48, 160), random_rows(41, 160)
    expected = multiply_by_definition(x, weights)
    for rows in range(42):
        assert multiply(x[:rows], weights, isa).tobytes() == expected[:rows].tobytes()


@pytest.mark.parametrize(("isa", "weight_format"), PAIRS)
@pytest.mark.parametrize("rows", [1, 40])
def test_any_range_of_panels_is_written_and_no_other(isa: str, weight_format: str, rows: int) -> None:
    weights, x = random_weights(weight_format, 11 * PANEL - 3, 320), random_rows(rows, 320)
    whole = multiply(x, weights, isa)
    for begin, end in [(0, 0), (0, 1), (3, 4), (1, 8), (5, 11), (0, 10), (10, 11), (0, 11)]:
        part = multiply(x, weights, isa, (begin, end))
        columns = slice(begin * PANEL, end * PANEL)
        assert part[:, columns].tobytes() == whole[:, columns].tobytes()
        part[:, columns] = np.nan
        assert np.isnan(part).all()


@pytest.mark.parametrize(("isa", "weight_format"), PAIRS)
@pytest.mark.parametrize(("weight_code", "code"), [(-1, -127), (-1, 127), (0, -127), (0, 127)])
def test_the_largest_codes_do_not_overflow(isa: str, weight_format: str, weight_code: int, code: int) -> None:
    extreme = FORMATS[weight_format] if weight_code == 0 else -FORMATS[weight_format] - 1
    weights = Weights(weight_format, np.full((16, 64), extreme, np.int8), np.ones((16, 2), np.float16))
    x = Rows(np.full((9, 64), code, np.int8), np.ones((9, 2), np.float32), np.full((9, 2), 32 * code, np.int32))
    assert (multiply(x, weights, isa) == 64 * extreme * code).all()


@pytest.mark.parametrize(("isa", "weight_format"), PAIRS)
@pytest.mark.parametrize("rows", [1, 8, 33])
def test_a_bad_group_of_activations_spoils_its_own_row_only(isa: str, weight_format: str, rows: int) -> None:
    weights = random_weights(weight_format, 32, 96)
    values = np.random.default_rng(2).standard_normal((rows, 96), dtype=np.float32)
    sound = multiply(quantize(values), weights, isa)
    values[rows - 1, 40] = np.inf
    y = multiply(quantize(values), weights, isa)
    assert np.isnan(y[rows - 1]).all()
    assert y[: rows - 1].tobytes() == sound[: rows - 1].tobytes()


@pytest.mark.parametrize(("isa", "weight_format"), PAIRS)
def test_every_weight_scale_has_the_bits_of_numpy(isa: str, weight_format: str) -> None:
    """All halves but NaN: subnormal, negative and infinite ones too."""
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[~np.isnan(halves)].reshape(-1, 1)
    halves = np.concatenate([halves, np.zeros((-len(halves) % PANEL, 1), np.float16)])
    weights = Weights(weight_format, np.full((len(halves), 32), 1, np.int8), halves)
    codes = np.zeros((1, 32), np.int8)
    codes[0, 5] = 1
    x = Rows(codes, np.ones((1, 1), np.float32), np.ones((1, 1), np.int32))
    assert (multiply(x, weights, isa)[0] == halves[:, 0].astype(np.float32)).all()


def test_products_refuse_what_does_not_fit() -> None:
    weights, x = random_weights("int8", 40, 64), random_rows(2, 64)
    codes, scales = pack_by_hand(weights)
    y = np.empty((2, 48), np.float32)

    def call(**changes: object) -> None:
        arguments = {"format": "int8", "codes": codes, "scales": scales, "n": 40, "k": 64, "xcodes": x.codes}
        arguments |= {"xscales": x.scales, "xsums": x.sums, "y": y, "panel_begin": 0, "panel_end": 3}
        _native.matmul(**(arguments | changes))  # type: ignore[arg-type]

    call()
    with pytest.raises(ValueError, match="format must be"):
        call(format="int3")
    with pytest.raises(ValueError, match="multiple of GROUP_SIZE"):
        call(k=48)
    with pytest.raises(ValueError, match="size of the packed matrix"):
        call(codes=codes[:-1].copy())
    with pytest.raises(ValueError, match="size of the packed matrix"):
        call(format="int4")
    with pytest.raises(ValueError, match="activations must have"):
        call(xsums=x.sums[:1])
    with pytest.raises(ValueError, match="y must have"):
        call(y=np.empty((2, 40), np.float32))
    with pytest.raises(ValueError, match="panels must lie"):
        call(panel_end=4)
    with pytest.raises(ValueError, match="instruction set"):
        call(isa="sse9")
