"""The compiled module (csrc/binding/). Only `sampan.backends.native` and `sampan.quant` import it.

A wrong argument is a ValueError, or a TypeError where it has a wrong type.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

_Unsigned = TypeVar("_Unsigned", np.uint8, np.uint16, np.uint32)

GROUP_SIZE: int

def isa() -> str: ...
def supported_isas() -> tuple[str, ...]: ...
def cpu_features() -> tuple[str, ...]: ...
def quantize_int8_groups(
    x: npt.NDArray[np.float32], codes: npt.NDArray[np.int8], scales: npt.NDArray[np.float32], isa: str | None = None
) -> None: ...
def pack_panels(
    sources: list[tuple[npt.NDArray[np.uint8], str]],
    k: int,
    format: str,
    codes: npt.NDArray[np.uint8],
    scales: npt.NDArray[np.uint8],
) -> tuple[str, int] | None: ...
def pack_rows(
    source: npt.NDArray[np.uint8],
    source_type: str,
    k: int,
    format: str,
    codes: npt.NDArray[np.uint8],
    scales: npt.NDArray[np.uint8],
) -> tuple[str, int] | None: ...
def draw(table: npt.NDArray[_Unsigned], seed: int, first: int, out: npt.NDArray[_Unsigned]) -> None: ...
def crc32c(data: npt.NDArray[np.uint8], crc: int = 0, isa: str | None = None) -> int: ...
def crc32c_combine(first: int, second: int, second_size: int) -> int: ...
