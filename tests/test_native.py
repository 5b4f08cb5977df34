"""The compiled kernels: every instruction set returns the bits of the plain one, which does what its header says."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import sampan
from sampan import _native
from sampan.backends import native
from sampan.backends.native import GROUP_SIZE, quantize_int8_groups

Float32 = npt.NDArray[np.float32]
TUNED_ISAS = [isa for isa in ("avx2", "avx512") if isa in native.supported_isas()]
SHAPES = [(0, 128), (1, 0), (1, 1), (1, 127), (1, 128), (1, 129), (3, 96), (2, 1536), (5, 200), (64, 384), (7, 8960)]


def same_bits(left: tuple[npt.NDArray[np.int8], Float32], right: tuple[npt.NDArray[np.int8], Float32]) -> bool:
    return left[0].tobytes() == right[0].tobytes() and left[1].tobytes() == right[1].tobytes()


def quantize_by_hand(x: Float32) -> tuple[npt.NDArray[np.int8], Float32]:
    """The definition of csrc/include/sampan/kernels.h in numpy, for finite values."""
    rows, k = x.shape
    groups = -(-k // GROUP_SIZE)
    padded = np.pad(x, ((0, 0), (0, groups * GROUP_SIZE - k))).reshape(rows, groups, GROUP_SIZE)
    absmax = np.abs(padded).max(axis=2, initial=0)
    absmax[absmax < np.float32(2.0**-100)] = 0
    with np.errstate(divide="ignore"):
        inverse = np.where(absmax == 0, np.float32(0), np.float32(127) / absmax)
    codes = np.rint(padded * inverse[:, :, None]).astype(np.int8)
    return codes.reshape(rows, groups * GROUP_SIZE)[:, :k], absmax / np.float32(127)


def test_generic_is_always_there_and_comes_first() -> None:
    assert native.supported_isas()[0] == "generic"
    assert native.isa() in native.supported_isas()


@pytest.mark.parametrize("shape", SHAPES)
def test_generic_follows_the_definition(shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    assert same_bits(quantize_int8_groups(x, isa="generic"), quantize_by_hand(x))


@pytest.mark.parametrize("isa", TUNED_ISAS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_isa_returns_the_bits_of_generic(isa: str, shape: tuple[int, int]) -> None:
    x = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    assert same_bits(quantize_int8_groups(x, isa=isa), quantize_int8_groups(x, isa="generic"))


@pytest.mark.parametrize("isa", TUNED_ISAS)
@given(
    x=hnp.arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 300)), elements=st.floats(width=32)),
)
def test_every_isa_returns_the_bits_of_generic_on_any_float(isa: str, x: Float32) -> None:
    """NaN, Inf and subnormals among them."""
    assert same_bits(quantize_int8_groups(x, isa=isa), quantize_int8_groups(x, isa="generic"))


@pytest.mark.parametrize("isa", native.supported_isas())
def test_halves_round_to_even(isa: str) -> None:
    x = np.array([[127.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5]], dtype=np.float32)
    codes, scales = quantize_int8_groups(x, isa=isa)
    assert codes.tolist() == [[127, 0, 2, 2, 0, -2, -2]]
    assert scales.tolist() == [[1.0]]


@pytest.mark.parametrize("isa", native.supported_isas())
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_a_bad_value_spoils_its_own_group_only(isa: str, bad: float) -> None:
    x = np.ones((2, 3 * GROUP_SIZE), dtype=np.float32)
    x[0, GROUP_SIZE + 5] = bad
    codes, scales = quantize_int8_groups(x, isa=isa)
    assert np.isnan(scales).tolist() == [[False, True, False], [False, False, False]]
    assert not codes[0, GROUP_SIZE : 2 * GROUP_SIZE].any()
    assert (codes[1] == 127).all()


@pytest.mark.parametrize("isa", native.supported_isas())
def test_groups_of_almost_nothing_are_zero(isa: str) -> None:
    x = np.array([[0.0, -0.0, 1e-40, 2.0**-101]], dtype=np.float32)
    codes, scales = quantize_int8_groups(x, isa=isa)
    assert codes.tolist() == [[0, 0, 0, 0]]
    assert scales.tolist() == [[0.0]]


@pytest.mark.parametrize("isa", native.supported_isas())
def test_the_largest_floats_are_in_range(isa: str) -> None:
    top = np.finfo(np.float32).max
    codes, scales = quantize_int8_groups(np.array([[top, -top, top / 2]], dtype=np.float32), isa=isa)
    assert codes.tolist() == [[127, -127, 64]]
    assert np.isfinite(scales).all()


def test_wrong_shapes_are_refused() -> None:
    x = np.zeros((2, 200), dtype=np.float32)
    with pytest.raises(ValueError, match="codes must have x's shape"):
        _native.quantize_int8_groups(x, np.zeros((2, 100), np.int8), np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match="one column per group"):
        _native.quantize_int8_groups(x, np.zeros((2, 200), np.int8), np.zeros((2, 1), np.float32))


def run_with_isa(value: str) -> str:
    code = (
        "from sampan.backends import native\n"
        "from sampan.errors import ConfigError\n"
        "try: print(native.isa())\n"
        "except ConfigError as error: print(error)\n"
    )
    env = {**os.environ, "SAMPAN_ISA": value}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize("isa", native.supported_isas())
def test_the_environment_forces_an_isa(isa: str) -> None:
    assert run_with_isa(isa) == isa


def test_the_environment_cannot_force_what_is_not_there() -> None:
    message = run_with_isa("sse9")
    known = ", ".join(native.supported_isas())
    assert message.startswith(f"SAMPAN_ISA: instruction set 'sse9' is not one of this machine's: {known} (")
    assert "\n" not in message


def test_an_empty_environment_variable_forces_nothing() -> None:
    assert run_with_isa("") == native.supported_isas()[-1]


def test_the_stub_names_what_the_module_has() -> None:
    stub = Path(sampan.__file__).with_name("_native.pyi")
    body = ast.parse(stub.read_text(encoding="utf-8")).body
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    constants = {
        node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    assert functions | constants == {name for name in dir(_native) if not name.startswith("_")}
