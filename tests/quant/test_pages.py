"""Memory in whole pages."""

from __future__ import annotations

import pytest

from sampan.errors import ConfigError
from sampan.quant.pages import anonymous_memory


def test_anonymous_memory_is_zero() -> None:
    memory = anonymous_memory(5000)
    assert memory.shape == (5000,)
    assert not memory.any()


def test_more_memory_than_there_is() -> None:
    with pytest.raises(ConfigError, match=r"need 1000000\.0 GB of memory, and \d+\.\d GB are available"):
        anonymous_memory(10**15)
