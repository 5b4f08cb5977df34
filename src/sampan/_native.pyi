"""The compiled module (csrc/binding/). Only `sampan.backends.native` and `sampan.quant` import it; ValueError for a wrong
argument."""

import numpy as np
import numpy.typing as npt

GROUP_SIZE: int
PANEL: int

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
def crc32c(data: npt.NDArray[np.uint8], crc: int = 0, isa: str | None = None) -> int: ...
def crc32c_combine(first: int, second: int, second_size: int) -> int: ...
