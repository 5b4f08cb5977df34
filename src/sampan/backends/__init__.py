"""Where tensors live: weights, KV cache, the forward step, sampling.

Knows: flat batches of token ids, block tables, devices. Refuses to know: requests, scheduling, text. An engine talks
to a backend through `base.Backend` alone, and `create_backend` is the only place that chooses one.
"""

from __future__ import annotations

from collections.abc import Callable

from sampan.backends.base import Backend
from sampan.errors import ConfigError

BACKENDS = ("native", "paddle")

__all__ = ["BACKENDS", "Backend", "create_backend"]


def create_backend(
    name: str = "auto",
    *,
    device: str | None = None,
    kv_cache: str = "auto",
    threads: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Backend:
    """Makes a backend by name; the heavy imports happen here and not before.

    Args:
        name: one of `BACKENDS`; `auto` is Paddle's where a device is named, and the native one elsewhere.
        device: for Paddle's alone, in its words; None is the CPU.
        kv_cache, threads, progress: for the native one, see `sampan.backends.native.NativeBackend`.

    Raises:
        ConfigError: there is no backend of that name, or it does not know one of the others.
    """
    if name == "auto":
        name = "native" if device in (None, "cpu") else "paddle"
    if name == "native":
        if device not in (None, "cpu"):
            raise ConfigError(
                f"device={device!r} is not for the native backend", remedy="use the Paddle backend for it"
            )
        from sampan.backends.native import NativeBackend

        return NativeBackend(kv_cache=kv_cache, threads=threads, progress=progress)
    if name == "paddle":
        for option, value, unset in (("kv_cache", kv_cache, "auto"), ("threads", threads, None)):
            if value != unset:
                raise ConfigError(f"{option}={value!r} is not for the Paddle backend", remedy="leave it out")
        from sampan.backends.paddle import PaddleBackend

        return PaddleBackend(device)
    raise ConfigError(f"backend={name!r} is not known", remedy=f"use {', '.join(BACKENDS)}")
