"""The benchmark of the integer products runs, on little data."""

from __future__ import annotations

import pytest

from benchmarks import matmul
from sampan import zoo


def test_layers_are_those_of_the_native_backend() -> None:
    config = zoo.find("deepseek-r1-distill-qwen-1.5b").config
    assert config is not None
    assert matmul.layer_shapes(config) == {
        "qkv": (2048, 1536),
        "o": (1536, 1536),
        "gate_up": (17920, 1536),
        "down": (1536, 8960),
        "lm_head": (151936, 1536),
    }


@pytest.mark.parametrize("weight_format", ["int8", "int4"])
def test_a_table_with_the_limits_comes_out(
    weight_format: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(matmul, "MIN_WEIGHT_BYTES", 2**20)
    matmul.main(["--format", weight_format, "--layer", "o", "--rows", "1", "3", "--seconds", "0", "--threads", "1"])
    output = capsys.readouterr().out
    assert output.count(weight_format) >= 2
    assert "of read limit" in output
    assert "limits: " in output
