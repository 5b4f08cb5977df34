"""The native backend: Sampan's own C++ kernels for x86 processors.

Here stands the door to the compiled module. The decoder that runs whole steps on the kernels follows; until then
engines
use `sampan.backends.paddle`.

One binary holds every kernel for every instruction set and picks at the first call. `SAMPAN_ISA=generic|avx2|avx512`
forces one; all return the same bits.
"""

from __future__ import annotations

from sampan import _native
from sampan.errors import ConfigError


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
