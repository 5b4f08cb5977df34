"""The compiled module (csrc/binding/). Only `sampan.backends.native` imports it; ValueError for a wrong argument."""

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
