"""Sizes follow from shapes."""

import pytest

from sampan.cli.sizes import human_bytes, human_count, kv_cache_bytes, weight_bytes
from sampan.zoo import find


def test_the_smallest_distill():
    config = find("qwen-1.5b").config
    assert config is not None
    sizes = {precision: weight_bytes(config, precision) for precision in ("int4", "int8", "bf16", "fp32")}
    assert sizes == {"int4": 1_528_843_872, "int8": 2_106_943_840, "bf16": 3_554_176_000, "fp32": 7_108_352_000}
    assert kv_cache_bytes(config, 1) == 2 * 2 * 28 * 2 * 128


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB")]
)
def test_bytes(count, text):
    assert human_bytes(count) == text


def test_counts():
    assert [human_count(count) for count in (12, 3_100_000, 1_777_088_000)] == ["12", "3.1M", "1.8B"]
