from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.checkpoint.dtypes import SLICE, check_float_dtype, from_float32, to_float32
from sampan.errors import ConfigError

bit_patterns = st.integers(0, 2**32 - 1)


def float32(bits: int) -> np.ndarray:
    return np.array([bits], np.uint32).view(np.float32)


@given(bit_patterns)
def test_bf16_rounds_to_nearest_and_ties_to_even(bits: int) -> None:
    value = float32(bits)
    below, rest = divmod(bits, 2**16)
    expected = below + (rest > 2**15 or (rest == 2**15 and below % 2 == 1))
    if np.isnan(value[0]):
        stored = from_float32(value, "bf16")
        assert np.isnan(to_float32(stored, "bf16")[0])
        assert stored[0] >> 15 == bits >> 31  # the sign stays
    elif np.isfinite(value[0]) and expected & 0x7FFF == 0x7F80:
        with pytest.raises(OverflowError):
            from_float32(value, "bf16")
    else:
        assert from_float32(value, "bf16")[0] == expected


@given(st.integers(0, 2**16 - 1))
def test_bf16_survives_the_way_there_and_back(bits: int) -> None:
    stored = np.array([bits], np.uint16)
    widened = to_float32(stored, "bf16")
    assert widened.view(np.uint32)[0] == bits << 16
    if not np.isnan(widened[0]):
        assert from_float32(widened, "bf16")[0] == bits


@given(st.integers(0, 2**16 - 1))
def test_fp16_survives_the_way_there_and_back(bits: int) -> None:
    stored = np.array([bits], np.uint16).view(np.float16)
    np.testing.assert_array_equal(from_float32(to_float32(stored, "fp16"), "fp16"), stored)


def test_fp16_refuses_what_it_cannot_hold() -> None:
    np.testing.assert_array_equal(from_float32(np.float32([65504, -np.inf, 1e-30]), "fp16"), [65504, -np.inf, 0])
    with pytest.raises(OverflowError):
        from_float32(np.float32([65520]), "fp16")


def test_fp32_is_not_copied() -> None:
    values = np.float32([1, 2])
    assert from_float32(values, "fp32") is values
    assert to_float32(values, "fp32") is values


@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_conversion_in_slices_equals_conversion_at_once(dtype: str) -> None:
    values = np.arange(2 * (SLICE + 3), dtype=np.float32).reshape(2, -1) % 1999 / 7
    whole = from_float32(values, dtype)
    assert whole.shape == values.shape
    np.testing.assert_array_equal(whole.reshape(-1)[SLICE - 5 :], from_float32(values.reshape(-1)[SLICE - 5 :], dtype))


def test_unknown_float_type_is_named() -> None:
    with pytest.raises(ConfigError, match="dtype='int4' is unknown"):
        check_float_dtype("int4")
