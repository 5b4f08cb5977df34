"""Paged attention: close to the softmax in float64, and one result however a context is cut, batched or placed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_attention import PagedCache, tokens
from sampan import _native
from sampan._native import BLOCK_SIZE, SEGMENT_SIZE
from sampan.backends import native

Float32 = npt.NDArray[np.float32]
ISAS = native.supported_isas()
FORMATS = ["fp32", "fp16", "bf16", "int8"]
BORDERS = [1, 15, 16, 17, SEGMENT_SIZE - 1, SEGMENT_SIZE, SEGMENT_SIZE + 1, 2 * SEGMENT_SIZE + 1]


def filled(name: str, context: int, kv_heads: int = 2, head_dim: int = 64, isa: str | None = None) -> PagedCache:
    return PagedCache(name, tokens(context, kv_heads, head_dim, 1), tokens(context, kv_heads, head_dim, 2), isa)


def queries(count: int, heads: int, head_dim: int = 64) -> Float32:
    """Scaled, and so large that the softmax is far from even."""
    return tokens(count, heads, head_dim, 3) * np.float32(2 / np.sqrt(head_dim))


def partials(cache: PagedCache, q: Float32, first: int, segment: int, isa: str | None = None) -> Float32:
    """Of KV head 0: [num_tokens, num_heads, head_dim + 16]."""
    out = np.full((*q.shape[:2], q.shape[2] + BLOCK_SIZE), np.nan, np.float32)
    _native.attend_segment(*cache.arrays, q, first, 0, cache.table, segment, out, isa)
    return out


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("context", BORDERS)
def test_close_to_the_softmax_in_float64(name: str, context: int) -> None:
    cache, count = filled(name, context), min(context, 20)
    q = queries(count, 6)
    out = cache.attend(q, context - count)
    np.testing.assert_allclose(out, cache.attend_exactly(q, context - count), atol=4e-6)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=12, deadline=None)
@given(
    context=st.one_of(st.integers(1, 80), st.integers(SEGMENT_SIZE - 2, SEGMENT_SIZE + 20)),
    count=st.integers(1, 20),
    kv_heads=st.integers(1, 2),
    group=st.integers(1, 9),
    head_dim=st.sampled_from([32, 64, 96, 256]),
)
def test_every_instruction_set_returns_the_same_bits(
    name: str, context: int, count: int, kv_heads: int, group: int, head_dim: int
) -> None:
    count = min(count, context)
    q = queries(count, kv_heads * group, head_dim)
    caches = {isa: filled(name, context, kv_heads, head_dim, isa) for isa in ISAS}
    plain = caches["generic"]
    expected = plain.attend(q, context - count, "generic")
    assert np.isfinite(expected).all()
    for isa, cache in caches.items():
        assert cache.keys.tobytes() == plain.keys.tobytes()
        assert cache.values.tobytes() == plain.values.tobytes()
        assert cache.key_scales.tobytes() == plain.key_scales.tobytes()
        assert cache.value_scales.tobytes() == plain.value_scales.tobytes()
        assert cache.attend(q, context - count, isa).tobytes() == expected.tobytes()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", FORMATS)
def test_chunks_change_no_bit(name: str, isa: str) -> None:
    context, count = SEGMENT_SIZE + 30, 50
    cache, q = filled(name, context, head_dim=32), queries(count, 14, 32)
    whole = cache.attend(q, context - count, isa)
    for chunk in (1, 7, 16, 33):
        assert cache.attend(q, context - count, isa, chunk).tobytes() == whole.tobytes()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("group", [1, 2, 3, 5, 8, 25])
def test_a_head_is_the_same_alone_and_in_its_group(group: int, isa: str) -> None:
    cache, q = filled("bf16", 100, kv_heads=1), queries(16, group)
    together = cache.attend(q, 84, isa)
    for head in range(group):
        alone = cache.attend(q[:, head : head + 1].copy(), 84, isa)
        assert alone.tobytes() == together[:, head : head + 1].tobytes()


def test_the_place_of_a_block_does_not_matter() -> None:
    keys, values, q = tokens(100, 2, 64, 1), tokens(100, 2, 64, 2), queries(3, 4)
    outs = {PagedCache("bf16", keys, values, seed=seed).attend(q, 97).tobytes() for seed in range(4)}
    assert len(outs) == 1


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", FORMATS)
def test_later_tokens_do_not_reach_a_query(name: str, isa: str) -> None:
    """Neither a NaN in them, nor what an earlier owner left in the block."""
    keys, values, q = tokens(40, 1, 64, 1), tokens(40, 1, 64, 2), queries(40, 6)
    sound = PagedCache(name, keys, values).attend(q, 0, isa)
    keys[27], values[30] = np.nan, np.nan
    out = PagedCache(name, keys, values).attend(q, 0, isa)
    assert out[:27].tobytes() == sound[:27].tobytes()
    assert np.isnan(out[27:]).all()


@pytest.mark.parametrize("isa", ISAS)
def test_a_fault_that_is_alone_in_its_segment_shows(isa: str) -> None:
    keys, values = tokens(SEGMENT_SIZE + 1, 1, 32, 1), tokens(SEGMENT_SIZE + 1, 1, 32, 2)
    keys[SEGMENT_SIZE] = np.nan
    out = PagedCache("bf16", keys, values).attend(queries(2, 3, 32), SEGMENT_SIZE - 1, isa)
    assert np.isfinite(out[0]).all()
    assert np.isnan(out[1]).all()


@pytest.mark.parametrize("isa", ISAS)
def test_a_token_before_the_segment_has_an_empty_partial(isa: str) -> None:
    cache, q = filled("bf16", SEGMENT_SIZE + 5), queries(10, 3)
    second = partials(cache, q, SEGMENT_SIZE - 5, 1, isa)
    assert (second[:5, :, 0] == -np.inf).all()
    assert (second[:5, :, 1:] == 0).all()
    assert np.isfinite(second[5:, :, :2]).all()
    first = partials(cache, q, SEGMENT_SIZE - 5, 0, isa).reshape(30, -1)
    folded = first.copy()
    _native.fold_partials(folded, second.reshape(30, -1), isa)
    assert folded[:15].tobytes() == first[:15].tobytes()
    assert (folded[15:] != first[15:]).any(axis=1).all()


@pytest.mark.parametrize("isa", ISAS)
def test_segments_folded_in_order_are_the_whole(isa: str) -> None:
    context = 2 * SEGMENT_SIZE + 40
    cache, q = filled("int8", context, kv_heads=1), queries(4, 3)
    parts = [partials(cache, q, context - 4, segment, isa).reshape(12, -1) for segment in range(3)]
    for later in parts[1:]:
        _native.fold_partials(parts[0], later, isa)
    out = np.empty((12, 64), np.float32)
    _native.finish_partials(parts[0], out, isa)
    assert out.tobytes() == cache.attend(q, context - 4, isa).tobytes()


@pytest.mark.parametrize("isa", ISAS)
def test_exp_is_within_one_unit_in_the_last_place(isa: str) -> None:
    """Of every exponent and sign that a difference of scores can have: folding m = 0 into m = x leaves l = exp(x)."""
    x = np.linspace(0x80000000, 0xFF800000, 200_001).astype(np.uint32).view(np.float32)
    x = np.concatenate([x, np.linspace(-104, 0, 100_001, dtype=np.float32)])
    state = np.zeros((len(x), 2 * BLOCK_SIZE), np.float32)
    state[:, 0], state[:, 1] = x, 1
    _native.fold_partials(state, np.zeros_like(state), isa)
    in_range = x >= np.float32(-87.3365)
    exact = np.exp(x[in_range].astype(np.float64))
    unit = np.spacing(exact.astype(np.float32)).astype(np.float64)
    assert (np.abs(state[in_range, 1] - exact) < unit).all()
    assert (state[~in_range, 1] == 0).all()
    reference = np.zeros_like(state)
    reference[:, 0], reference[:, 1] = x, 1
    _native.fold_partials(reference, np.zeros_like(state), "generic")
    assert state.tobytes() == reference.tobytes()


def stored(name: str, values: Float32, isa: str) -> npt.NDArray[np.generic]:
    """The values as the cache holds them, keys and values alike."""
    cache = PagedCache(name, values.reshape(-1, 1, 32), values.reshape(-1, 1, 32), isa)
    keys = cache.keys[cache.table].transpose(0, 1, 3, 2).reshape(-1, 32)[: values.size // 32]
    rows = cache.values[cache.table].reshape(-1, 32)[: values.size // 32]
    assert keys.tobytes() == rows.tobytes()
    return keys.ravel()


@pytest.mark.parametrize("isa", ISAS)
def test_fp16_rounds_as_numpy_does(isa: str) -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 4096, dtype=np.uint32)
    halves = np.arange(0, 0x7C00, 5, dtype=np.uint16).view(np.float16).astype(np.float32)
    between = (halves[1:] + halves[:-1]) / 2
    values = np.concatenate([bits.view(np.float32), halves, between, -between])
    values = values[: values.size // 32 * 32]
    values[:4] = 65519.996, 65520, 2.0**-25, np.nextafter(np.float32(2.0**-25), np.float32(1))
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(stored("fp16", values, isa), values.astype(np.float16))


@pytest.mark.parametrize("isa", ISAS)
def test_bf16_rounds_to_nearest_even(isa: str) -> None:
    upper = np.random.default_rng(0).integers(0, 0x7F80, 256, dtype=np.uint32)  # finite, subnormal ones too
    for lower, rounded in [
        (0x0000, upper),
        (0x7FFF, upper),
        (0x8000, upper + (upper & 1)),
        (0x8001, upper + 1),
        (0xFFFF, upper + 1),
    ]:
        for sign in (0, 0x8000):
            values = ((upper | sign) << 16 | lower).view(np.float32)
            assert stored("bf16", values, isa).tolist() == (rounded | sign).tolist()


@pytest.mark.parametrize("isa", ISAS)
def test_bf16_keeps_infinity_and_nan(isa: str) -> None:
    values = np.zeros(32, np.float32)
    values[:4] = np.inf, -np.inf, np.nan, np.finfo(np.float32).max
    values[4:6] = np.array([0x7F800001, 0xFFFFFFFF], np.uint32).view(np.float32)  # NaN whose last bits are cut off
    assert stored("bf16", values, isa)[:6].tolist() == [0x7F80, 0xFF80, 0x7FC0, 0x7F80, 0x7FC0, 0xFFFF]


@pytest.mark.parametrize("isa", ISAS)
def test_int8_takes_the_largest_magnitude_of_a_head_as_127(isa: str) -> None:
    keys, values = tokens(40, 2, 64, 1) * 5, tokens(40, 2, 64, 2)
    cache = PagedCache("int8", keys, values, isa)
    for stored, exact in zip(cache.read(), (keys, values), strict=True):
        scale = np.abs(exact).max(axis=2, keepdims=True) / 127
        error = np.abs(stored[:, :40].transpose(1, 0, 2) - exact)
        assert (error <= scale * (0.5 + 1e-4)).all()
    np.testing.assert_array_equal(cache.key_scales[cache.table[0], :, 5], np.abs(keys[5]).max(axis=1) / np.float32(127))


@pytest.mark.parametrize("isa", ISAS)
def test_int8_of_zeros_and_of_faults(isa: str) -> None:
    keys, values = np.zeros((3, 1, 32), np.float32), np.zeros((3, 1, 32), np.float32)
    keys[0, 0, 7], values[1, 0, 31], keys[2] = np.nan, -np.inf, 2.0**-101
    cache = PagedCache("int8", keys, values, isa)
    block = cache.table[0]
    assert (cache.keys[block, 0, :, :3] == 0).all()
    assert (cache.values[block, 0, :3] == 0).all()
    np.testing.assert_array_equal(cache.key_scales[block, 0, :3], np.array([np.nan, 0, 0], np.float32))
    np.testing.assert_array_equal(cache.value_scales[block, 0, :3], np.array([0, np.nan, 0], np.float32))


def test_arrays_that_do_not_fit_are_refused() -> None:
    cache, q, out = filled("int8", 40), queries(2, 3), np.empty((2, 3, 80), np.float32)
    keys, values, *scales = cache.arrays
    outside = np.full_like(cache.table, len(keys))
    for arguments in [
        (keys, values, None, None, q, 38, 0, cache.table, 0, out),
        (keys[..., :8].copy(), values, *scales, q, 38, 0, cache.table, 0, out),
        (keys, values[:, :, :8].copy(), *scales, q, 38, 0, cache.table, 0, out),
        (keys.astype(np.int32), values.astype(np.int32), None, None, q, 38, 0, cache.table, 0, out),
        (*cache.arrays, q[..., :32].copy(), 38, 0, cache.table, 0, out),
        (*cache.arrays, q, 38, 2, cache.table, 0, out),
        (*cache.arrays, q, 38, 0, cache.table[:2], 0, out),
        (*cache.arrays, q, 38, 0, outside, 0, out),
        (*cache.arrays, q, 38, 0, cache.table, 0, out[..., :64].copy()),
        (*cache.arrays, np.repeat(q, 9, 0), 20, 0, cache.table, 0, np.repeat(out, 9, 0)),
    ]:
        with pytest.raises(ValueError, match=r"must|needs|no such|has not"):
            _native.attend_segment(*arguments)
