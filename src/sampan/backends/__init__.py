"""Where tensors live: weights, KV cache, the forward step, sampling.

Knows: flat batches of token ids, block tables, devices. Refuses to know: requests, scheduling, text. An engine talks
to a backend through `base.Backend` alone, and `create_backend` is the only place that chooses one.
"""

from __future__ import annotations

from sampan.backends.base import Backend
from sampan.errors import ConfigError

BACKENDS = ("paddle",)


def create_backend(name: str = "paddle", *, device: str | None = None) -> Backend:
    """Makes a backend by name; the heavy imports happen here and not before.

    Raises:
        ConfigError: there is no backend of that name.
    """
    if name == "paddle":
        from sampan.backends.paddle import PaddleBackend

        return PaddleBackend(device)
    raise ConfigError(f"backend={name!r} is not known", remedy=f"use {', '.join(BACKENDS)}")
