"""Sizes follow from shapes, to the byte."""

from dataclasses import replace

import pytest

from sampan.backends import create_backend
from sampan.quant.layout import PRECISIONS
from sampan.quant.sizes import default_kv_format, kv_cache_bytes, weight_bytes, weight_sizes
from sampan.zoo import find
from tiny_checkpoints import ODD, QWEN

SHAPE = replace(QWEN, head_dim=32)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kv_cache", ["auto", "int8"])
def test_they_are_what_the_engine_takes(precision, kv_cache):
    backend = create_backend("native", threads=1, kv_cache=kv_cache)
    backend.load_dummy(SHAPE, precision)
    assert weight_bytes(SHAPE, precision) == backend.weight_bytes
    kv_format = default_kv_format(precision) if kv_cache == "auto" else kv_cache
    assert kv_cache_bytes(SHAPE, 16, kv_format) == 16 * backend.kv_bytes_per_token


def test_the_smallest_distill():
    config = find("qwen-1.5b").config
    assert config is not None
    assert kv_cache_bytes(config, 1) == 2 * 2 * 28 * 2 * 128
    sizes = weight_sizes(config)
    assert list(sizes) == list(PRECISIONS)
    assert sizes["bf16"] - 2 * config.num_parameters < 1_000_000  # vectors are kept in fp32
    assert sizes["int4"] < sizes["int8"] < sizes["bf16"] == sizes["fp16"] < sizes["fp32"]


def test_rows_that_are_no_whole_groups_leave_the_wide_precisions():
    assert list(weight_sizes(ODD)) == ["bf16", "fp16", "fp32"]
