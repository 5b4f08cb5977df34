"""The native sampler: token by token the numpy twin, bit by bit the same on every instruction set.

Weights are fp32 in the one and fp64 in the other. So where a random number or a filter's limit falls within 1e-6 of a
boundary, both neighbours are right; `admissible` says which tokens those are.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from native_sampler import native_sample
from sampan import _native
from sampan.backends.base import Float32Array, SamplingBatch, SparseRows, StepOutput, TokenMasks
from sampan.backends.philox import uniforms
from sampan.backends.sampler import NO_TOKEN, sample
from sampling_batches import masks, sampling_batch, sparse

ISAS = _native.supported_isas()
VOCAB_SIZES = [1, 2, 15, 16, 17, 63, 64, 65, 300, 8192]
FULL_VOCAB = 151_936
DOUBT = 1e-6


def batch(size: int, **changes: object) -> SamplingBatch:
    """`size` rows at temperature 1."""
    return sampling_batch(size, **{"temperature": 1.0, "seeds": 42, **changes})


def row_of(whole: SamplingBatch, i: int) -> SamplingBatch:
    arrays = {}
    for field in fields(whole):
        value = getattr(whole, field.name)
        if isinstance(value, SparseRows):
            ids, values = value.row(i)
            arrays[field.name] = SparseRows(np.array([0, len(ids)], np.int32), ids, values)
        elif isinstance(value, TokenMasks):
            arrays[field.name] = replace(value, rows=value.rows[i : i + 1])
        else:
            arrays[field.name] = value[i : i + 1]
    return SamplingBatch(**arrays)


def random_batch(rng: np.random.Generator, size: int, vocab_size: int) -> SamplingBatch:
    def some_ids() -> dict[int, float]:
        ids = rng.choice(vocab_size, rng.integers(0, min(vocab_size, 40) + 1), replace=False)
        return dict(zip(ids.tolist(), rng.integers(-2, 4, len(ids)).tolist(), strict=True))

    def for_some_rows(probability: float) -> list[dict[int, float]]:
        return [some_ids() if rng.random() < probability else {} for _ in range(size)]

    def some_part() -> set[int]:
        ids = np.flatnonzero(rng.random(vocab_size) < rng.choice([0.001, 0.5, 0.999]))
        return set(ids.tolist()) or {int(rng.integers(vocab_size))}

    return batch(
        size,
        temperature=rng.choice([0.0, 0.05, 0.3, 0.6, 1.0, 1.7], size),
        top_k=rng.choice([0, 0, 1, 2, 5, 50, 128, 5000], size),
        top_p=rng.choice([1.0, 1.0, 0.999, 0.95, 0.9, 0.5, 0.1], size),
        min_p=rng.choice([0.0, 0.0, 0.001, 0.05, 0.5, 1.0], size),
        seeds=rng.integers(0, 2**64, size, dtype=np.uint64),
        positions=rng.integers(0, 2**40, size),
        repetition_penalty=rng.choice([1.0, 1.3], size),
        presence_penalty=rng.choice([0.0, 0.5], size),
        frequency_penalty=rng.choice([0.0, 0.2], size),
        num_logprobs=rng.choice([-1, 0, 1, 5, 20], size),
        given=np.where(rng.random(size) < 0.1, rng.integers(0, vocab_size, size), -1),
        seen=sparse([{token: abs(count) for token, count in row.items()} for row in for_some_rows(0.5)]),
        bias=sparse(for_some_rows(0.3)),
        masks=masks([some_part() if rng.random() < 0.3 else None for _ in range(size)], vocab_size),
    )


def random_logits(rng: np.random.Generator, size: int, vocab_size: int) -> Float32Array:
    """From flat to peaked; some rows are coarse, so that many logits are equal."""
    logits = rng.normal(size=(size, vocab_size)) * rng.choice([0.01, 0.5, 3.0, 10.0], (size, 1))
    logits[:, rng.integers(0, vocab_size, 5)] += rng.uniform(0, 10, 5)
    coarse = rng.random(size) < 0.2
    logits[coarse] = np.round(logits[coarse] * 2) / 2
    return logits.astype(np.float32)


def adjusted(logits: Float32Array, one: SamplingBatch) -> Float32Array:
    """The logits of a row after penalties, bias and mask: its log-probabilities differ from them by a constant."""
    zero, none = np.zeros(1, np.float32), np.array([-1], np.int32)
    everything = replace(one, num_logprobs=np.array([logits.size], np.int32), temperature=zero, given=none)
    output = sample(logits[None], everything).logprobs[0]
    assert output is not None
    row = np.empty_like(logits)
    row[output.token_ids] = output.logprobs
    return row


def admissible(logits: Float32Array, one: SamplingBatch) -> set[int]:
    """Tokens that may be drawn when the number and each filter's limit may be off by DOUBT, from their definitions."""
    row = adjusted(logits, one).astype(np.float64)
    if one.given[0] >= 0:
        return {int(one.given[0])}
    with np.errstate(invalid="ignore"):
        scaled = np.exp((row - row.max()) / float(one.temperature[0]))
    number = float(uniforms(one.seeds, one.positions)[0])
    best_first = np.lexsort((np.arange(len(row)), -row))
    tokens: set[int] = set()
    for min_p_doubt in (1 - DOUBT, 1, 1 + DOUBT):
        order = best_first[scaled[best_first] >= one.min_p[0] * min_p_doubt]
        if one.top_k[0] > 0:
            order = order[: one.top_k[0]]
        sums = np.cumsum(scaled[order])
        for top_p_doubt in (-DOUBT, 0, DOUBT):
            share = one.top_p[0] + top_p_doubt
            kept = order if one.top_p[0] == 1 else order[: int(np.searchsorted(sums, share * sums[-1])) + 1]
            kept = np.sort(kept)
            ends = np.cumsum(scaled[kept])
            first, last = np.searchsorted(ends, (np.array([-DOUBT, DOUBT]) + number) * ends[-1], side="right")
            near = kept[first : last + 1]
            tokens.update(near[scaled[near] > 0].tolist())
    return tokens


def compare_with_twin(logits: Float32Array, how: SamplingBatch, native: StepOutput) -> int:
    """Checks every row; returns how many tokens differ, each of them admissible."""
    twin = sample(logits, how)
    ties = 0
    for i, (token, expected) in enumerate(zip(native.token_ids.tolist(), twin.token_ids.tolist(), strict=True)):
        if token != expected:
            ties += 1
            assert token in admissible(logits[i], row_of(how, i)), i
            continue
        ours, theirs = native.logprobs[i], twin.logprobs[i]
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert ours.rank == theirs.rank
            assert ours.token_ids.tolist() == theirs.token_ids.tolist()
            np.testing.assert_allclose(ours.logprobs, theirs.logprobs, rtol=1e-6, atol=1e-5)
    return ties


def bits(output: StepOutput) -> list[object]:
    rows = [
        None if row is None else (row.token_ids.tolist(), row.logprobs.tobytes(), row.rank) for row in output.logprobs
    ]
    return [output.token_ids.tolist(), rows]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("vocab_size", VOCAB_SIZES)
def test_tokens_are_those_of_the_twin(vocab_size: int, isa: str) -> None:
    rng = np.random.default_rng(vocab_size)
    size = 400 if vocab_size <= 300 else 100
    logits, how = random_logits(rng, size, vocab_size), random_batch(rng, size, vocab_size)
    assert compare_with_twin(logits, how, native_sample(logits, how, isa)) <= size // 100


def test_tokens_are_those_of_the_twin_with_a_full_vocabulary() -> None:
    rng = np.random.default_rng(0)
    logits, how = random_logits(rng, 40, FULL_VOCAB), random_batch(rng, 40, FULL_VOCAB)
    outputs = [native_sample(logits, how, isa) for isa in ISAS]
    assert compare_with_twin(logits, how, outputs[0]) <= 1
    assert all(bits(output) == bits(outputs[0]) for output in outputs)


@given(seed=st.integers(0, 2**32), vocab_size=st.integers(1, 700))
def test_every_isa_returns_the_same_bits_and_rows_are_drawn_as_if_alone(seed: int, vocab_size: int) -> None:
    rng = np.random.default_rng(seed)
    logits, how = random_logits(rng, 6, vocab_size), random_batch(rng, 6, vocab_size)
    outputs = [bits(native_sample(logits, how, isa)) for isa in ISAS]
    assert all(output == outputs[0] for output in outputs)
    for i in range(6):
        tokens, rows = bits(native_sample(logits[i : i + 1], row_of(how, i)))
        assert (tokens[0], rows[0]) == (outputs[0][0][i], outputs[0][1][i])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("vocab_size", [1, 65, 8192])
@pytest.mark.parametrize("top_p", [1.0, 0.9])
@pytest.mark.parametrize("top_k", [0, 5, 3000])
def test_extreme_logits(vocab_size: int, top_p: float, top_k: int, isa: str) -> None:
    top = np.finfo(np.float32).max
    one_huge = np.zeros(vocab_size, np.float32)
    one_huge[vocab_size // 2] = top
    ramp = (np.linspace(-1, 1, vocab_size) * float(top)).astype(np.float32)
    zeros_of_both_signs = np.zeros(vocab_size, np.float32)
    zeros_of_both_signs[::2] = -0.0
    equal = np.full((3, vocab_size), np.float32([[0.0], [top], [-top]]))
    logits = np.stack([*equal, one_huge, -one_huge, ramp, ramp[::-1], zeros_of_both_signs])
    how = batch(len(logits), top_p=top_p, top_k=top_k, num_logprobs=2)
    compare_with_twin(logits, how, native_sample(logits, how, isa))


@pytest.mark.parametrize("isa", ISAS)
def test_logits_that_differ_by_less_than_their_probabilities_are_still_in_order(isa: str) -> None:
    logits = np.arange(3000, dtype=np.float32)[None] * np.float32(1e-44)
    output = native_sample(logits, batch(1, top_k=3, num_logprobs=3), isa)
    assert output.logprobs[0] is not None
    assert output.logprobs[0].token_ids[1:].tolist() == [2999, 2998, 2997]
    assert 3000 - output.token_ids[0] == output.logprobs[0].rank


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 63, 64, 99])
def test_a_row_that_is_not_finite_draws_nothing_and_harms_nobody(place: int, bad: float, isa: str) -> None:
    logits = np.zeros((3, 100), np.float32)
    logits[1, place] = bad
    logits[0, 7] = logits[2, 9] = 1
    for temperature in (0.0, 1e-6):
        output = native_sample(logits, batch(3, temperature=temperature, num_logprobs=0), isa)
        assert output.token_ids.tolist() == [7, NO_TOKEN, 9]
        assert output.logprobs[1] is None


@pytest.mark.parametrize("isa", ISAS)
def test_an_edit_that_leaves_nothing_to_draw_draws_nothing(isa: str) -> None:
    logits = np.zeros((3, 2), np.float32)
    bias = sparse([{0: -np.inf, 1: -np.inf}, {0: np.inf}, {1: np.nan}])
    for temperature in (0.0, 1.0):
        how = batch(3, temperature=temperature, bias=bias)
        for output in (native_sample(logits, how, isa), sample(logits, how)):
            assert output.token_ids.tolist() == [NO_TOKEN] * 3


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("how", [{}, {"top_p": 0.9}, {"top_k": 50}, {"min_p": 0.01}, {"temperature": 0.0}])
def test_what_is_masked_is_never_drawn(how: dict[str, object], isa: str) -> None:
    size = 200
    logits = np.full((size, 500), 5.0, np.float32)
    allowed = {3, 77, 499}
    how = {"masks": masks([allowed] * size, 500), "num_logprobs": 5, **how}
    output = native_sample(logits, batch(size, **how), isa)
    assert set(output.token_ids.tolist()) == ({3} if "temperature" in how else allowed)
    for row in output.logprobs:
        assert row is not None
        assert row.token_ids[1:].tolist() == [3, 77, 499, 0, 1]
        np.testing.assert_allclose(row.logprobs[1:], [-np.log(3)] * 3 + [-np.inf] * 2, rtol=1e-6)


def test_a_top_p_of_almost_nothing_keeps_the_most_probable() -> None:
    logits = np.arange(300, dtype=np.float32)[None] / 100
    for top_p in (0.0, 1e-30):
        assert native_sample(logits, batch(1, top_p=top_p)).token_ids.tolist() == [299]


@pytest.mark.parametrize("temperature", [1e-45, 1e-38, 1e38])
def test_temperatures_at_the_end_of_the_floats(temperature: float) -> None:
    logits = np.repeat(np.arange(300, dtype=np.float32)[None], 100, 0)
    tokens = native_sample(logits, batch(100, temperature=temperature)).token_ids
    assert (set(tokens.tolist()) == {299}) if temperature < 1 else (len(set(tokens.tolist())) > 50)


@given(seed=st.integers(0, 2**64 - 1), position=st.integers(0, 2**63 - 1))
def test_the_number_is_that_of_the_twin(seed: int, position: int) -> None:
    expected = uniforms(np.array([seed], np.uint64), np.array([position], np.int64))[0]
    assert _native.uniform(seed, position) == expected


def test_the_first_number_is_the_published_one() -> None:
    assert _native.uniform(0, 0) == ((0x6627E8D5 << 21) ^ (0xE169C58D >> 11)) * 2.0**-53


def test_wrong_arguments_are_refused() -> None:
    logits = np.zeros((2, 10), np.float32)
    with pytest.raises(ValueError, match="tokens of the vocabulary"):
        native_sample(logits, batch(2, bias=sparse([{10: 1.0}, {}])))
    for wrong in (
        masks([{1}, None], 33),
        masks([{1}], 10),
        replace(masks([{1}, {1}], 10), bits=np.ones((1, 1), np.uint32)),
    ):
        with pytest.raises(ValueError, match="a bit for each token"):
            native_sample(logits, batch(2, masks=wrong))
    with pytest.raises(ValueError, match="one entry for each row"):
        native_sample(logits, replace(batch(2), top_k=np.zeros(1, np.int32)))
