"""The native backend: Sampan's own C++ kernels for x86 processors, in plain numpy arrays.

Here stand the door to the compiled module and the first kernel, the quantisation of activations. The decoder that runs
whole steps on these kernels follows; until then engines use `sampan.backends.paddle`.

One binary holds every kernel for every instruction set and picks at the first call. `SAMPAN_ISA=generic|avx2|avx512`
forces one; all return the same bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sampan import _native
from sampan.errors import ConfigError

GROUP_SIZE = _native.GROUP_SIZE


def cpu_features() -> tuple[str, ...]:
    """Instruction-set extensions that the kernels look for and that this machine can use, such as `avx512_vnni`."""
    return _native.cpu_features()


def supported_isas() -> tuple[str, ...]:
    """Kernel sets that this machine can run, the plain `generic` first and the fastest last."""
    return _native.supported_isas()


def isa() -> str:
    """The kernel set in use: the fastest one, unless the environment variable SAMPAN_ISA names another.

    Raises:
        ConfigError: SAMPAN_ISA names none of `supported_isas()`.
    """
    try:
        return _native.isa()
    except ValueError as error:
        raise ConfigError(
            f"SAMPAN_ISA: {error}", remedy="unset SAMPAN_ISA to let Sampan choose, or name one of these"
        ) from error


def quantize_int8_groups(
    x: npt.NDArray[np.float32], *, isa: str | None = None
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Symmetric int8 quantisation with one scale for each row and group of `GROUP_SIZE` columns.

    Args:
        x: [rows, k]; the last group of a row may be short.
        isa: one of `supported_isas()`; None takes the one in use.

    Returns:
        Codes int8 [rows, k] in -127..127 and scales fp32 [rows, ceil(k / GROUP_SIZE)]; `x` is about codes * scales.
        A group of (almost) only zeros has codes 0 and scale 0; one that holds NaN or Inf has codes 0 and scale NaN.
    """
    rows, k = x.shape
    codes = np.empty((rows, k), dtype=np.int8)
    scales = np.empty((rows, -(-k // GROUP_SIZE)), dtype=np.float32)
    _native.quantize_int8_groups(np.ascontiguousarray(x, dtype=np.float32), codes, scales, isa)
    return codes, scales
