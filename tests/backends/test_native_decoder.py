"""The native decoder against the Paddle layers, and against itself: a row's logits are the same bits whatever else is
in the batch, however its prompt was chunked, on every instruction set and number of threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from paged_logits import Row, equal_chunks, paged_logits
from random_model import MemoryCheckpoint, random_checkpoint
from sampan.backends.native import NativeBackend, supported_isas
from sampan.backends.paddle import PaddleBackend
from sampan.config import ModelConfig, RopeScaling
from sampan.errors import ConfigError
from sampan.quant import PRECISIONS, PackedModel, pack_model

QWEN = ModelConfig("qwen2", 517, 96, 160, 2, 6, 2, 32, attention_bias=True, max_position_embeddings=2048)
LLAMA = replace(QWEN, model_type="llama", attention_bias=False, rms_norm_eps=1e-5, num_key_value_heads=1, head_dim=64)
CONFIGS = {
    "qwen2": QWEN,
    "qwen2-tied": replace(QWEN, tie_word_embeddings=True),
    "llama": LLAMA,
    "llama3-scaling": replace(LLAMA, rope_theta=500.0, rope_scaling=RopeScaling(original_max_position_embeddings=100)),
}
PROMPT = np.random.default_rng(3).integers(0, 517, 700).tolist()


def checkpoint_of(config: ModelConfig) -> MemoryCheckpoint:
    return random_checkpoint(config)


def native(model: PackedModel, *, kv_cache: str = "auto", threads: int = 1, isa: str | None = None) -> NativeBackend:
    backend = NativeBackend(kv_cache=kv_cache, threads=threads, isa=isa)
    backend.load_packed(model)
    return backend


@pytest.mark.parametrize("name", CONFIGS)
def test_fp32_agrees_with_the_paddle_layers(name: str) -> None:
    checkpoint = checkpoint_of(CONFIGS[name])
    paddle = PaddleBackend("cpu")
    paddle.load(checkpoint, "fp32")
    rows = [Row(PROMPT[:150], equal_chunks(150, 64), range(10)), Row(PROMPT[200:233], [33], range(20, 23))]
    ours = paged_logits(native(pack_model(checkpoint, "fp32")), rows)
    for mine, theirs in zip(ours, paged_logits(paddle, rows), strict=True):
        assert np.abs(mine - theirs).max() < 1e-3
        assert (mine.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.99


@pytest.fixture(scope="module", params=PRECISIONS)
def packed(request: pytest.FixtureRequest) -> PackedModel:
    return pack_model(checkpoint_of(QWEN), request.param)


@pytest.fixture(scope="module")
def alone(packed: PackedModel) -> bytes:
    """Logits of a prompt that crosses two borders of attention segments, computed in one piece by the plain kernels."""
    [logits] = paged_logits(native(packed, isa="generic"), [Row(PROMPT[:530], [530], range(34))])
    return logits.tobytes()


@pytest.mark.parametrize("isa", supported_isas())
@pytest.mark.parametrize("chunk", [1, 16, 33, 512])
def test_any_chunks_give_the_same_bits(packed: PackedModel, alone: bytes, isa: str, chunk: int) -> None:
    length = 530 if chunk > 1 else 40
    [logits] = paged_logits(native(packed, isa=isa), [Row(PROMPT[:length], equal_chunks(length, chunk), range(34))])
    assert logits.tobytes() == alone[: logits.nbytes]


@pytest.mark.parametrize(
    ("isa", "others", "threads"),
    [(isa, *case) for isa in supported_isas() for case in ((1, 3), (6, 1), (31, 3))] + [(supported_isas()[-1], 256, 3)],
)
def test_any_batch_gives_the_same_bits(packed: PackedModel, alone: bytes, isa: str, others: int, threads: int) -> None:
    """Behind a prefix that is in the cache, one row decodes among others of many lengths."""
    rows = [Row(PROMPT[:40], [38, 1, 1], [9, 4, 7])]
    rows += [Row(PROMPT[i : i + 18], [1 + i % 16, 1, 1], [100 + 2 * i, 101 + 2 * i]) for i in range(others)]
    logits = paged_logits(native(packed, threads=threads, isa=isa), rows, num_blocks=700)[0]
    assert logits.tobytes() == alone[: logits.nbytes]


@pytest.mark.parametrize("kv_cache", ["int8", "bf16"])
def test_narrow_caches_are_the_same_bits_in_any_chunks_and_near_the_wide_one(kv_cache: str) -> None:
    packed = pack_model(checkpoint_of(QWEN), "fp32")
    [wide] = paged_logits(native(packed), [Row(PROMPT[:600], [600], range(38))])
    whole = [
        paged_logits(native(packed, kv_cache=kv_cache, isa=isa, threads=2), [Row(PROMPT[:600], chunks, range(38))])[0]
        for isa in supported_isas()
        for chunks in ([600], equal_chunks(600, 77))
    ]
    assert all(logits.tobytes() == whole[0].tobytes() for logits in whole)
    spread = np.abs(wide).mean()
    assert 0 < np.abs(whole[0] - wide).mean() < (0.02 if kv_cache == "bf16" else 0.1) * spread


def test_a_context_shared_out_among_threads_gives_the_same_bits() -> None:
    """One row over four segments of attention: few pieces, many threads."""
    packed = pack_model(checkpoint_of(QWEN), "bf16")
    prompt = np.resize(PROMPT, 1700).tolist()
    results = [
        paged_logits(native(packed, threads=threads), [Row(prompt, [1690, 5, *[1] * 5], range(107))], 107)[0]
        for threads in (1, 2, 5)
    ]
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()


def test_a_bad_value_spoils_its_own_rows_only() -> None:
    packed = pack_model(checkpoint_of(QWEN), "bf16")
    codes = packed.tensors["embed_tokens.codes"].copy()
    codes[7, 3] = 0x7FC0  # NaN
    spoiled = replace(packed, tensors={**packed.tensors, "embed_tokens.codes": aligned(codes)})
    rows = [Row([5, 6, 7, 8], [4], [1]), Row([9, 10, 11], [3], [0])]
    bad, good = paged_logits(native(spoiled), rows)
    assert np.isnan(bad[2:]).all()
    assert np.isfinite(bad[:2]).all()
    assert good.tobytes() == paged_logits(native(packed), rows)[1].tobytes()


def aligned(array: np.ndarray) -> np.ndarray:
    memory = np.empty(array.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    view = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def test_what_does_not_fit_is_refused() -> None:
    packed = pack_model(checkpoint_of(QWEN), "fp32")
    with pytest.raises(ConfigError, match="head_dim=16 does not suit the native backend"):
        native(replace(packed, config=replace(QWEN, head_dim=16)))
    with pytest.raises(ValueError, match=r"tensor 'embed_tokens\.codes' has 198528 bytes and should have 264704"):
        native(replace(packed, config=replace(QWEN, hidden_size=128)))
    with pytest.raises(ConfigError, match="kv_cache='int2' is not known"):
        NativeBackend(kv_cache="int2")
    with pytest.raises(ConfigError, match="threads=0 is out of range"):
        NativeBackend(threads=0)
    backend = native(packed)
    with pytest.raises(ConfigError, match="block_size=32 does not suit"):
        backend.allocate_kv_cache(4, 32)


@pytest.mark.parametrize(
    ("row", "what"),
    [(Row([517], [1], [0]), "a token id"), (Row([5], [1], [64]), "a block"), (Row([-1], [1], [0]), "a token id")],
)
def test_a_batch_out_of_range_is_refused_before_anything_is_written(row: Row, what: str) -> None:
    backend = native(pack_model(checkpoint_of(QWEN), "fp32"))
    with pytest.raises(ValueError, match=f"batch: {what} is out of range"):
        paged_logits(backend, [row])
