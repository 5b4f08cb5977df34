"""The compiled module (csrc/binding/). Only `sampan.backends.native` and `sampan.quant` import it.

A wrong argument is a ValueError, or a TypeError where it has a wrong type.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from sampan.backends.base import SamplingBatch

BLOCK_SIZE: int
_Unsigned = TypeVar("_Unsigned", np.uint8, np.uint16, np.uint32)

GROUP_SIZE: int
MAX_HEAD_DIM: int
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
def sample(
    logits: npt.NDArray[np.float32],
    batch: SamplingBatch,
    token_ids: npt.NDArray[np.int32],
    ranks: npt.NDArray[np.int32],
    logprob_ids: npt.NDArray[np.int32],
    logprobs: npt.NDArray[np.float32],
    isa: str | None = None,
) -> None: ...
def uniform(seed: int, position: int) -> float: ...
def pack_panels(
    sources: list[tuple[npt.NDArray[np.uint8], str, npt.NDArray[np.uint8]]],
    k: int,
    format: str,
    codes: npt.NDArray[np.uint8],
    scales: npt.NDArray[np.uint8],
    isa: str | None = None,
    losses: npt.NDArray[np.float64] | None = None,
) -> tuple[str, int] | None: ...
def pack_rows(
    source: npt.NDArray[np.uint8],
    source_type: str,
    k: int,
    format: str,
    codes: npt.NDArray[np.uint8],
    scales: npt.NDArray[np.uint8],
    isa: str | None = None,
) -> tuple[str, int] | None: ...
def draw(table: npt.NDArray[_Unsigned], seed: int, first: int, out: npt.NDArray[_Unsigned]) -> None: ...
def crc32c(data: npt.NDArray[np.uint8], crc: int = 0, isa: str | None = None) -> int: ...
def crc32c_ranges(data: npt.NDArray[np.uint8], ranges: Sequence[tuple[int, int]], num_threads: int) -> list[int]: ...
def crc32c_combine(first: int, second: int, second_size: int) -> int: ...
def float_matmul(
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
    row: npt.NDArray[np.float32] | npt.NDArray[np.uint16] | npt.NDArray[np.int8],
    scales: npt.NDArray[np.uint16] | None,
    out: npt.NDArray[np.float32],
    isa: str | None = None,
) -> None: ...

# The type of keys and values says the cache's format: uint16 is bf16.
_Cache: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.float16] | npt.NDArray[np.uint16] | npt.NDArray[np.int8]

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
def fold_partials(partials: npt.NDArray[np.float32], next: npt.NDArray[np.float32], isa: str | None = None) -> None: ...
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

class Decoder:
    def __init__(
        self,
        *,
        num_layers: int,
        hidden_size: int,
        intermediate_size: int,
        num_heads: int,
        num_kv_heads: int,
        head_dim: int,
        vocab_size: int,
        rms_norm_eps: float,
        inverse_frequencies: list[float],
        tensors: dict[str, npt.NDArray[Any]],
        formats: dict[str, str],
        num_threads: int,
        pin: bool = False,
        isa: str | None = None,
    ) -> None: ...
    def kv_bytes_per_block(self, format: str) -> int: ...
    def allocate_kv_cache(self, num_blocks: int, format: str) -> None: ...
    def logits(self, batch: object, out: npt.NDArray[np.float32]) -> None: ...
    def step(
        self,
        batch: object,
        vocab_limit: int,
        tokens: npt.NDArray[np.int32],
        ranks: npt.NDArray[np.int32],
        logprob_ids: npt.NDArray[np.int32],
        logprobs: npt.NDArray[np.float32],
        hidden: npt.NDArray[np.float32],
    ) -> None: ...

class LimitMeter:
    def __init__(self, num_threads: int, buffer_bytes: int, isa: str | None = None) -> None: ...
    def read(self, seconds: float) -> float: ...
    def int8(self, seconds: float) -> float: ...
    def fp32(self, seconds: float) -> float: ...
