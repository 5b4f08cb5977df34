"""Sizes as people read them."""

import pytest

from sampan.cli.sizes import human_bytes, human_count


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB")]
)
def test_bytes(count, text):
    assert human_bytes(count) == text


def test_counts():
    assert [human_count(count) for count in (12, 3_100_000, 1_777_088_000)] == ["12", "3.1M", "1.8B"]
