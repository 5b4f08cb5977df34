"""The compiled module (csrc/binding/). Only `sampan.backends.native` imports it; ValueError for a wrong argument."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

BLOCK_SIZE: int
GROUP_SIZE: int
PANEL: int
SEGMENT_SIZE: int

def isa() -> str: ...
def supported_isas() -> tuple[str, ...]: ...
def cpu_features() -> tuple[str, ...]: ...
def quantize_rows(
    x: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int8],
    scales: npt.NDArray[np.float32],
    sums: npt.NDArray[np.int32],
    isa: str | None = None,
) -> None: ...
def matmul(
    format: str,
    codes: npt.NDArray[np.uint8],
    scales: npt.NDArray[np.uint16],
    n: int,
    k: int,
    xcodes: npt.NDArray[np.int8],
    xscales: npt.NDArray[np.float32],
    xsums: npt.NDArray[np.int32],
    y: npt.NDArray[np.float32],
    panel_begin: int,
    panel_end: int,
    isa: str | None = None,
) -> None: ...
def float_matmul(
    format: str,
    weights: npt.NDArray[np.uint16] | npt.NDArray[np.float32],
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
    panel_begin: int,
    panel_end: int,
    isa: str | None = None,
) -> None: ...
def rms_norm(
    x: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    eps: float,
    out: npt.NDArray[np.float32],
    isa: str | None = None,
) -> None: ...
def add(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], isa: str | None = None) -> None: ...
def swiglu(
    gate: npt.NDArray[np.float32], up: npt.NDArray[np.float32], out: npt.NDArray[np.float32], isa: str | None = None
) -> None: ...
def rope(
    heads: npt.NDArray[np.float32],
    cos: npt.NDArray[np.float32],
    sin: npt.NDArray[np.float32],
    isa: str | None = None,
) -> None: ...
def embed(
    format: str,
    row: npt.NDArray[np.float32] | npt.NDArray[np.uint16] | npt.NDArray[np.int8],
    scales: npt.NDArray[np.uint16] | None,
    out: npt.NDArray[np.float32],
    isa: str | None = None,
) -> None: ...

# The type of keys and values says the cache's format: uint16 is bf16.
_Cache: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.uint16] | npt.NDArray[np.int8]

def store_kv(
    keys: _Cache,
    values: _Cache,
    key_scales: npt.NDArray[np.float32] | None,
    value_scales: npt.NDArray[np.float32] | None,
    block: int,
    offset: int,
    k: npt.NDArray[np.float32],
    v: npt.NDArray[np.float32],
    isa: str | None = None,
) -> None: ...
def attend_segment(
    keys: _Cache,
    values: _Cache,
    key_scales: npt.NDArray[np.float32] | None,
    value_scales: npt.NDArray[np.float32] | None,
    q: npt.NDArray[np.float32],
    first_position: int,
    kv_head: int,
    block_table: npt.NDArray[np.int32],
    segment: int,
    partials: npt.NDArray[np.float32],
    isa: str | None = None,
) -> None: ...
def fold_partials(
    partials: npt.NDArray[np.float32], next: npt.NDArray[np.float32], isa: str | None = None
) -> None: ...
def finish_partials(
    partials: npt.NDArray[np.float32], out: npt.NDArray[np.float32], isa: str | None = None
) -> None: ...
def attend(
    keys: _Cache,
    values: _Cache,
    key_scales: npt.NDArray[np.float32] | None,
    value_scales: npt.NDArray[np.float32] | None,
    q: npt.NDArray[np.float32],
    first_positions: npt.NDArray[np.int64],
    block_tables: npt.NDArray[np.int32],
    out: npt.NDArray[np.float32],
    isa: str | None = None,
) -> None: ...
