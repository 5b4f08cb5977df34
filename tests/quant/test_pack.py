"""The packing kernels: to the bit what their header says, whatever the numbers and however they are stored."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import numpy_packer
from sampan import _native
from sampan.checkpoint.dtypes import FLOAT_DTYPES, from_float32, to_float32

Float32 = npt.NDArray[np.float32]
Array = npt.NDArray[np.generic]
SHAPES = [(1, 32), (15, 32), (16, 64), (17, 96), (40, 96), (33, 512)]
ISAS = _native.supported_isas()
NONE = np.empty(0, np.uint8)
STORAGE = {"bf16": np.uint16, "fp16": np.uint16, "fp32": np.float32}


def as_bytes(array: Array) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def as_bytes_of(array: Array) -> npt.NDArray[np.uint8]:
    """A view to write to."""
    return array.reshape(-1).view(np.uint8)


def pack(*sources: tuple[Array, str], format: str, isa: str | None = None) -> tuple[Array, Array] | tuple[str, int]:
    """Codes and scales in their shapes, or what went wrong in which source."""
    k = sources[0][0].shape[1]
    panels = -(-sum(len(data) for data, _ in sources) // 16)
    shape = {"int8": (panels, k // 4, 16, 4), "int4": (panels, k // 8, 16, 4)}.get(format, (panels, k, 16))
    codes = np.empty(shape, STORAGE.get(format, np.uint8))
    scales = np.empty((panels, k // 32, 16) if format in ("int8", "int4") else (0,), np.float16)
    raw = [(as_bytes(data), dtype, NONE) for data, dtype in sources]
    fault = _native.pack_panels(raw, k, format, as_bytes_of(codes), as_bytes_of(scales), isa)
    return fault or (codes, scales)


def random(shape: tuple[int, int], seed: int = 0) -> Float32:
    return np.random.default_rng(seed).standard_normal(shape, np.float32) * np.float32(0.02)


def same(left: tuple[Array, ...], right: tuple[Array, ...]) -> bool:
    return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
def test_codes_and_scales_are_what_the_header_says(shape: tuple[int, int], dtype: str, isa: str) -> None:
    stored = from_float32(random(shape), dtype)
    x = to_float32(stored, dtype)
    assert same(pack((stored, dtype), format="int8", isa=isa), numpy_packer.pack_int8(x))
    assert same(pack((stored, dtype), format="int4", isa=isa), numpy_packer.pack_int4(x))


ROWS = st.tuples(st.integers(1, 18), st.sampled_from([32, 64]))


@pytest.mark.parametrize("isa", ISAS)
@settings(deadline=None)
@given(x=hnp.arrays(np.float32, ROWS, elements=st.floats(-6e4, 6e4, width=32)))
def test_any_finite_numbers(isa: str, x: Float32) -> None:
    """Subnormal ones and whole groups of almost nothing among them."""
    assert same(pack((x, "fp32"), format="int8", isa=isa), numpy_packer.pack_int8(x))
    assert same(pack((x, "fp32"), format="int4", isa=isa), numpy_packer.pack_int4(x))


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("format", ["bf16", "fp16", "fp32"])
@pytest.mark.parametrize("shape", [(1, 1), (17, 33), (32, 64), (5, 100)])
def test_floats_are_rounded_once_and_laid_in_panels(shape: tuple[int, int], format: str, dtype: str) -> None:
    stored = from_float32(random(shape), dtype)
    rounded = from_float32(to_float32(stored, dtype), format)
    codes, _ = pack((stored, dtype), format=format)
    assert codes.tobytes() == np.ascontiguousarray(numpy_packer.panels_of(rounded)).tobytes()


def test_every_half_and_every_tie_between_halves() -> None:
    halves = np.arange(0x7BFF, dtype=np.uint16).view(np.float16).astype(np.float32)
    values = np.concatenate([halves, (halves[1:] + halves[:-1]) / 2])
    values = np.concatenate([values, -values])[None]
    codes, _ = pack((values, "fp32"), format="fp16")
    assert np.array_equal(codes[0, :, 0].view(np.float16), values[0].astype(np.float16))


@pytest.mark.parametrize("format", ["int8", "int4", "bf16", "fp16", "fp32"])
def test_sources_lie_one_below_the_other(format: str) -> None:
    x = random((50, 64))
    parts = (x[:3], "fp32"), (x[3:20], "fp32"), (x[20:], "fp32")
    assert same(pack(*parts, format=format), pack((x, "fp32"), format=format))


def test_sources_may_be_stored_differently_and_lie_anywhere() -> None:
    first, second = from_float32(random((5, 64)), "bf16"), random((9, 64), seed=1)
    buffer = np.zeros(second.nbytes + 1, np.uint8)
    buffer[1:] = as_bytes(second)
    odd = buffer[1:].view(np.float32).reshape(second.shape)
    assert not odd.flags.aligned
    whole = np.concatenate([to_float32(first, "bf16"), second])
    assert same(pack((first, "bf16"), (odd, "fp32"), format="int8"), numpy_packer.pack_int8(whole))


@pytest.mark.parametrize("format", ["int8", "int4"])
def test_channels_that_fill_a_panel_are_zero(format: str) -> None:
    codes, scales = pack((random((3, 64)), "fp32"), format=format)
    assert (codes[:, :, 3:] == (128 if format == "int8" else 0x88)).all()
    assert scales[:, :, 3:].tobytes() == bytes(scales[:, :, 3:].nbytes)


@pytest.mark.parametrize("spread", [1e-6, 1e-3, 0.02, 1.0, 100.0])
def test_int8_errs_by_half_a_step_at_most(spread: float) -> None:
    """A step is a 127th of the largest value, at most 7 % wider and one subnormal number of fp16 wider still."""
    x = random((256, 512)) * np.float32(spread / 0.02)
    absmax = np.abs(x.reshape(256, 16, 32)).max(axis=2).astype(np.float64).repeat(32, axis=1)
    error = np.abs(numpy_packer.unpack(*pack((x, "fp32"), format="int8"), 256) - x.astype(np.float64))
    assert (error <= 0.5 * (absmax / 127 * 1.07 + 2.0**-24)).all()


def rms(error: Float32) -> float:
    return float(np.sqrt(np.mean(error.astype(np.float64) ** 2)))


def q8_0(x: Float32) -> Float32:
    """GGUF's rule: codes relative to absmax / 127, of which fp16 is stored."""
    groups = x.reshape(len(x), -1, 32)
    scale = np.abs(groups).max(axis=2, keepdims=True) / 127
    return (np.rint(groups / scale) * scale.astype(np.float16)).reshape(x.shape)


def q4_0(x: Float32) -> Float32:
    """GGUF's rule: the extreme value becomes -8."""
    groups = x.reshape(len(x), -1, 32)
    extreme = np.take_along_axis(groups, np.abs(groups).argmax(axis=2)[..., None], axis=2)
    scale = extreme / -8
    return (np.clip(np.rint(groups / scale), -8, 7) * scale.astype(np.float16)).reshape(x.shape)


@pytest.mark.parametrize(("format", "rule", "ratio"), [("int8", q8_0, 0.915), ("int4", q4_0, 0.96)])
def test_the_search_pays(format: str, rule: object, ratio: float) -> None:
    """Root mean square errors on normal weights: 0.90 of Q8_0's, 0.945 of Q4_0's; on heavy tails 0.911 and 0.957."""
    rng = np.random.default_rng(3)
    for x in (random((256, 512)), (rng.standard_t(5, (256, 512)) * 0.02).astype(np.float32)):
        unpacked = numpy_packer.unpack(*pack((x, "fp32"), format=format), 256)
        assert rms(unpacked - x) < ratio * rms(rule(x) - x)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("format", ["int8", "int4", "bf16", "fp16", "fp32"])
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_numbers_that_are_none(format: str, bad: float, isa: str) -> None:
    x = random((40, 64))
    x[30, 50] = bad
    assert pack((x[:20], "fp32"), (x[20:], "fp32"), format=format, isa=isa) == ("not_finite", 1)


def test_numbers_that_are_too_large() -> None:
    x = random((20, 64))
    x[18, 40] = 1e5
    assert pack((x, "fp32"), format="fp16") == ("too_large", 0)
    x[18, 40] = -1.1e5
    assert pack((x, "fp32"), format="int8") == ("too_large", 0)
    assert pack((x, "fp32"), format="int4") == ("too_large", 0)
    x[18, 40] = np.finfo(np.float32).max
    assert pack((x, "fp32"), format="bf16") == ("too_large", 0)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("k", [32, 96, 512, 1536 + 32])
@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
def test_a_row_by_itself_has_the_codes_of_a_panel(dtype: str, k: int, isa: str) -> None:
    stored = from_float32(random((5, k)), dtype)
    codes, scales = np.empty((5, k), np.int8), np.empty((5, k // 32), np.float16)
    fault = _native.pack_rows(as_bytes(stored), dtype, k, "int8", as_bytes_of(codes), as_bytes_of(scales), isa)
    assert fault is None
    expected = numpy_packer.quantize_int8(to_float32(stored, dtype))
    assert np.array_equal(codes, expected[0])
    assert scales.tobytes() == expected[1].tobytes()


@pytest.mark.parametrize("format", ["bf16", "fp16", "fp32"])
def test_rows_of_floats(format: str) -> None:
    x = random((7, 33))
    rounded = from_float32(x, format)
    codes = np.empty_like(rounded)
    assert _native.pack_rows(as_bytes(x), "fp32", 33, format, as_bytes_of(codes), np.empty(0, np.uint8)) is None
    assert codes.tobytes() == rounded.tobytes()


def test_wrong_arguments_are_refused() -> None:
    x, codes, scales = as_bytes(random((16, 64))), np.empty(1024, np.uint8), np.empty(64, np.uint8)
    with pytest.raises(ValueError, match="whole rows"):
        _native.pack_panels([(x[:-1], "fp32", NONE)], 64, "int8", codes, scales)
    with pytest.raises(ValueError, match="format 'int8' is not known"):
        _native.pack_panels([(x, "int8", NONE)], 64, "int8", codes, scales)
    with pytest.raises(ValueError, match="format 'int3' is not known"):
        _native.pack_panels([(x, "fp32", NONE)], 64, "int3", codes, scales)
    with pytest.raises(ValueError, match="codes must have room"):
        _native.pack_panels([(x, "fp32", NONE)], 64, "int8", codes[:-1], scales)
    with pytest.raises(ValueError, match="scales must have room"):
        _native.pack_panels([(x, "fp32", NONE)], 64, "int8", codes, scales[:-1])
    with pytest.raises(ValueError, match="multiple of the group size"):
        _native.pack_panels([(x, "fp32", NONE)], 16, "int8", codes, scales)
    with pytest.raises(ValueError, match="a scale for each group"):
        _native.pack_panels([(x, "codes", NONE)], 64, "int8", codes, scales)
    with pytest.raises(ValueError, match="into int8 and int4 only"):
        _native.pack_panels([(x[:1024], "codes", scales)], 64, "bf16", codes, NONE)
    with pytest.raises(ValueError, match="made of floats"):
        _native.pack_rows(x[:1024], "codes", 64, "int8", codes, scales)
    with pytest.raises(ValueError, match="no int4"):
        _native.pack_rows(x, "fp32", 64, "int4", codes, scales)


def coded(format: str, shape: tuple[int, int], seed: int = 0) -> tuple[Array, Array]:
    rng, bits = np.random.default_rng(seed), int(format[3:])
    codes = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape, np.int8)
    return codes, rng.normal(size=(shape[0], shape[1] // 32)).astype(np.float16)


def pack_codes(
    codes: Array, scales: Array, format: str, isa: str | None = None
) -> tuple[Array, Array] | tuple[str, int]:
    """Below a row of floats, so that the rows of one panel differ in kind."""
    k, panels = codes.shape[1], -(-(len(codes) + 1) // 16)
    packed = np.empty((panels, k // (4 if format == "int8" else 8), 16, 4), np.uint8)
    packed_scales = np.empty((panels, k // 32, 16), np.float16)
    sources = [(as_bytes(random((1, k))), "fp32", NONE), (as_bytes(codes), "codes", as_bytes(scales))]
    fault = _native.pack_panels(sources, k, format, as_bytes_of(packed), as_bytes_of(packed_scales), isa)
    return fault or (packed, packed_scales)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", [(1, 32), (31, 96), (40, 64)])
@pytest.mark.parametrize("format", ["int8", "int4"])
def test_codes_are_taken_over_as_they_are(format: str, shape: tuple[int, int], isa: str) -> None:
    codes, scales = coded(format, shape)
    values = codes * scales.astype(np.float32).repeat(32, axis=1)
    packed = pack_codes(codes, scales, format, isa)
    assert np.array_equal(numpy_packer.unpack(*packed, len(codes) + 1)[1:], values)
    whole = (numpy_packer.pack_int8 if format == "int8" else numpy_packer.pack_int4)(random((1, shape[1])))
    assert np.array_equal(packed[0][0, :, 0], whole[0][0, :, 0])


def test_codes_that_do_not_fit_are_found() -> None:
    codes, scales = coded("int4", (20, 64))
    codes[17, 40] = 8
    assert pack_codes(codes, scales, "int4") == ("too_large", 1)
    scales[3, 1] = np.inf
    assert pack_codes(codes, scales, "int4") == ("not_finite", 1)
    codes[:] = np.clip(codes, -8, 7)
    assert pack_codes(codes, scales, "int4") == ("not_finite", 1)
