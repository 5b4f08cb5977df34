"""Hidden states of the native decoder: near the Paddle layers', and the same bits in any company."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from random_model import random_checkpoint
from sampan.backends.base import Float32Array, ForwardBatch
from sampan.backends.native import NativeBackend, supported_isas
from sampan.backends.paddle import PaddleBackend
from sampan.config import ModelConfig
from sampan.quant import PRECISIONS, pack_model
from sampling_batches import sampling_batch

QWEN = ModelConfig("qwen2", 517, 96, 160, 2, 6, 2, 32, attention_bias=True)
LLAMA = replace(QWEN, model_type="llama", attention_bias=False, rms_norm_eps=1e-5, num_key_value_heads=1, head_dim=64)
PROMPTS = np.random.default_rng(8).integers(0, 517, (3, 140))


def prompts_of(prompts: Sequence[np.ndarray], pooled_rows: Sequence[int], sample_rows: Sequence[int]) -> ForwardBatch:
    """Whole prompts in one step."""
    starts = np.cumsum([0, *map(len, prompts)]).astype(np.int32)
    return ForwardBatch(
        token_ids=np.concatenate(prompts).astype(np.int32),
        positions=np.concatenate([np.arange(len(prompt)) for prompt in prompts]).astype(np.int32),
        query_starts=starts,
        context_lens=np.diff(starts),
        block_tables=np.arange(9 * len(prompts), dtype=np.int32).reshape(len(prompts), 9),
        sample_rows=np.array(sample_rows, np.int32),
        pooled_rows=np.array(pooled_rows, np.int32),
        sampling=sampling_batch(len(sample_rows), num_logprobs=0, given=5),
    )


def hidden_states(backend: NativeBackend | PaddleBackend, batch: ForwardBatch) -> Float32Array:
    backend.allocate_kv_cache(32, 16)
    hidden = backend.execute(batch).hidden_states
    assert hidden is not None
    assert hidden.shape == (len(batch.pooled_rows), 96)
    return hidden


@pytest.mark.parametrize("config", [QWEN, LLAMA], ids=["qwen2", "llama"])
def test_fp32_agrees_with_the_paddle_layers(config: ModelConfig) -> None:
    checkpoint = random_checkpoint(config)
    paddle, native = PaddleBackend("cpu"), NativeBackend(threads=1)
    paddle.load(checkpoint, "fp32")
    native.load_packed(pack_model(checkpoint, "fp32"))
    batch = prompts_of([PROMPTS[0], PROMPTS[1][:50]], [*range(140), 189, 7], [189])

    ours, theirs = hidden_states(native, batch), hidden_states(paddle, batch)

    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert ours[-1].tobytes() == ours[7].tobytes()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_any_company_instruction_set_and_number_of_threads_give_the_same_bits(precision: str) -> None:
    model = pack_model(random_checkpoint(QWEN), precision)

    def native(isa: str, threads: int) -> NativeBackend:
        backend = NativeBackend(threads=threads, isa=isa)
        backend.load_packed(model)
        return backend

    expected = hidden_states(native("generic", 1), prompts_of([PROMPTS[0]], range(140), [])).tobytes()
    for isa in supported_isas():
        # More sampled rows than logits are kept at a time, before and behind.
        crowd = prompts_of(PROMPTS, range(140, 280), range(420))
        crowd = replace(crowd, token_ids=np.concatenate([PROMPTS[1], PROMPTS[0], PROMPTS[2]]).astype(np.int32))
        assert hidden_states(native(isa, 3), crowd).tobytes() == expected


def test_a_pooled_row_out_of_range_is_refused() -> None:
    backend = NativeBackend(threads=1)
    backend.load_packed(pack_model(random_checkpoint(QWEN), "fp32"))
    with pytest.raises(ValueError, match="pooled row"):
        hidden_states(backend, prompts_of([PROMPTS[0]], [140], []))
