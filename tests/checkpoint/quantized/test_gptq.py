"""Folders of GPTQ and AWQ: every layout as published."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coded_models import CONFIG, check_codes, check_floats
from quantized_folders import as_awq, as_gptq, awq_config, gptq_config, quantized, write_quantized
from sampan.checkpoint import open_checkpoint
from sampan.errors import CheckpointError

NAME = "model.layers.1.mlp.down_proj.weight"


@pytest.mark.parametrize("format", ["gptq", "gptq_v2"])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("group_size", [32, 128, -1])
@pytest.mark.parametrize("bits", [4, 8])
def test_gptq(tmp_path: Path, bits: int, group_size: int, symmetric: bool, format: str) -> None:
    make = partial(quantized, bits=bits, group_size=group_size, symmetric=symmetric)
    config = gptq_config(bits, group_size, sym=symmetric, checkpoint_format=format)
    store = partial(as_gptq, zeros_less=int(format == "gptq"))
    floats = write_quantized(tmp_path, CONFIG, config, store, lambda name, n, k: make(n, k, seed=len(name)))
    check_floats(tmp_path, floats)
    coded = open_checkpoint(tmp_path).coded(NAME)
    if bits == 8 and not symmetric:
        assert coded is None
    else:
        size = 256 if group_size == -1 else group_size
        check_codes(coded, make(128, 256, seed=len(NAME)), bits + (not symmetric), size)


def test_columns_in_any_order_have_no_codes_in_groups(tmp_path: Path) -> None:
    make = partial(quantized, bits=4, group_size=32, symmetric=False, act_order=True)
    config = gptq_config(4, 32, desc_act=True)
    check_floats(tmp_path, write_quantized(tmp_path, CONFIG, config, as_gptq, lambda _, n, k: make(n, k)))
    assert open_checkpoint(tmp_path).coded(NAME) is None


def test_a_first_format_whose_zero_points_borrowed_from_their_neighbours(tmp_path: Path) -> None:
    """A zero point of 0 less 1 takes from the next one in its word; adding to whole words gives it back."""

    def store(matrix: Any) -> dict[str, Any]:
        parts = as_gptq(matrix, zeros_less=0)
        less = (parts["qzeros"][1].view(np.uint32) - np.uint32(0x11111111)).view(np.int32)
        return {**parts, "qzeros": ("int32", less)}

    def make(_: str, n: int, k: int) -> Any:
        matrix = quantized(n, k, 4, 32, symmetric=False)
        matrix.zeros[::3] = 0
        return matrix

    check_floats(tmp_path, write_quantized(tmp_path, CONFIG, gptq_config(4, 32, sym=False), store, make))


@pytest.mark.parametrize("group_size", [32, 64, 128, -1])
@pytest.mark.parametrize("version", ["gemm", "GEMM"])
def test_awq(tmp_path: Path, group_size: int, version: str) -> None:
    make = partial(quantized, bits=4, group_size=group_size, symmetric=False)
    config = awq_config(group_size, version=version)
    check_floats(tmp_path, write_quantized(tmp_path, CONFIG, config, as_awq, lambda _, n, k: make(n, k)))
    check_codes(open_checkpoint(tmp_path).coded(NAME), make(128, 256), 5, 256 if group_size == -1 else group_size)


def test_symmetric_awq_has_codes_of_four_bits(tmp_path: Path) -> None:
    write_quantized(tmp_path, CONFIG, awq_config(32), as_awq, lambda _, n, k: quantized(n, k, 4, 32))
    check_codes(open_checkpoint(tmp_path).coded(NAME), quantized(128, 256, 4, 32), 4, 32)


def test_layers_that_differ_by_name(tmp_path: Path) -> None:
    dynamic = {r"+:.*down_proj": {"bits": 8, "group_size": 64}, r"-:.*o_proj": {}}

    def make(name: str, n: int, k: int) -> Any:
        kind = (8, 64) if "down_proj" in name else (4, 32)
        return None if "o_proj" in name else quantized(n, k, *kind)

    check_floats(tmp_path, write_quantized(tmp_path, CONFIG, gptq_config(4, 32, dynamic=dynamic), as_gptq, make))
    check_codes(open_checkpoint(tmp_path).coded(NAME), quantized(128, 256, 8, 64), 8, 64)


def test_biases_of_zeros_are_left_out(tmp_path: Path) -> None:
    zeros = ("fp16", np.zeros(128, np.float16))
    make = lambda _, n, k: quantized(n, k, 4, 32)  # noqa: E731
    bias = "model__layers__0__self_attn__o_proj__bias"
    floats = write_quantized(tmp_path, CONFIG, gptq_config(4, 32), as_gptq, make, **{bias: zeros})
    check_floats(tmp_path, floats)
    write_quantized(tmp_path, CONFIG, gptq_config(4, 32), as_gptq, make, **{bias: ("fp16", np.eye(128, dtype="f2")[3])})
    with pytest.raises(CheckpointError, match=r"'model\.layers\.0\.self_attn\.o_proj\.bias' is not part of this model"):
        open_checkpoint(tmp_path)
