"""The roofline model, by hand."""

import pytest

from sampan.bench import Limits, ModelCost, Work
from sampan.bench.work import Row
from sampan.config import ModelConfig
from sampan.zoo import find

# Per layer: q 64 x 64, k and v 32 x 64 each, o 64 x 64, three of 64 x 128; the output matrix is 96 x 64.
CONFIG = ModelConfig("llama", 96, 64, 128, 2, 4, 2, 16, tie_word_embeddings=True)
LAYERS = 2 * (64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 64 * 128)
HEAD = 96 * 64
KV_VALUES = 2 * 2 * 2 * 16  # keys and values, layers, heads, head size
QUERIES = 2 * 4 * 16  # layers, heads, head size
LIMITS = Limits(read_gb_s=10.0, int8_gmac_s=100.0, fp32_gmac_s=50.0)


def test_decode_reads_the_weights_once_and_each_context() -> None:
    work = ModelCost(CONFIG, "int8", "bf16").decode(batch=3, context=10)
    assert work == Work(
        bytes=(LAYERS + HEAD) * 8.5 / 8 + 3 * 10 * KV_VALUES * 2,
        int8_macs=3 * (LAYERS + HEAD),
        fp32_macs=3 * 2 * QUERIES * 10,
    )


def test_float_weights_are_multiplied_as_floats() -> None:
    work = ModelCost(CONFIG, "bf16", "fp32").decode(batch=1, context=1)
    assert work == Work((LAYERS + HEAD) * 2 + KV_VALUES * 4, 0.0, LAYERS + HEAD + 2 * QUERIES)


def test_int4_keeps_attention_and_output_in_int8() -> None:
    mlp = 2 * 3 * 64 * 128
    assert ModelCost(CONFIG, "int4", "bf16").decode(1, 0).bytes == (mlp * 4.5 + (LAYERS - mlp + HEAD) * 8.5) / 8


def test_an_int8_cache_has_a_scale_for_each_token_and_head() -> None:
    cost = ModelCost(CONFIG, "int8", "int8")
    assert cost.decode(1, 100).bytes - cost.decode(1, 0).bytes == 100 * (KV_VALUES + KV_VALUES / 16 * 4)


def test_prefill_in_chunks_reads_the_weights_for_each_and_samples_once() -> None:
    cost = ModelCost(CONFIG, "int8", "bf16")
    work = cost.prefill(num_tokens=5, chunk=2)
    assert work == cost.step([Row(2, 2, False)]) + cost.step([Row(2, 4, False)]) + cost.step([Row(1, 5)])
    assert work.bytes == (3 * LAYERS + HEAD) * 8.5 / 8 + (2 + 4 + 5) * KV_VALUES * 2
    assert work.int8_macs == 5 * LAYERS + HEAD
    assert work.fp32_macs == 2 * QUERIES * (1 + 2 + 3 + 4 + 5)
    assert cost.prefill(4, 2) == cost.step([Row(2, 2, False)]) + cost.step([Row(2, 4)])


@pytest.mark.parametrize(("precision", "bits"), [("int8", 8.5), ("bf16", 16), ("fp16", 16), ("fp32", 32)])
def test_the_bits_of_a_weight(precision: str, bits: float) -> None:
    assert ModelCost(CONFIG, precision, "bf16").decode(1, 0).bytes == (LAYERS + HEAD) * bits / 8


def test_the_slower_of_reading_and_multiplying_is_the_limit() -> None:
    reading = Work(bytes=20e9, int8_macs=100e9, fp32_macs=25e9)
    assert (reading.read_seconds(LIMITS), reading.mac_seconds(LIMITS)) == (2.0, 1.5)
    assert (reading.seconds(LIMITS), reading.bound(LIMITS)) == (2.0, "memory")
    multiplying = Work(bytes=10e9, int8_macs=100e9, fp32_macs=25e9)
    assert (multiplying.seconds(LIMITS), multiplying.bound(LIMITS)) == (1.5, "arithmetic")
    assert multiplying.intensity == 12.5


def test_work_adds_up() -> None:
    assert Work(1.0, 2.0, 3.0) + Work(10.0, 20.0, 30.0) * 2 == Work(21.0, 42.0, 63.0)


def test_the_figures_of_the_15b_distill() -> None:
    """1.54 G weights of linear layers: at 28 GB/s and 690 G MAC/s 17 tokens a second alone."""
    config = find("qwen-1.5b").config
    assert config is not None
    cost, limits = ModelCost(config, "int8", "bf16"), Limits(28.0, 690.0, 170.0)
    assert 1 / cost.decode(1, 0).seconds(limits) == pytest.approx(17.1, abs=0.1)
    assert 512 / cost.prefill(512, 512).seconds(limits) == pytest.approx(492, abs=15)
