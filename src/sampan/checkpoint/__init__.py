"""From bytes to named tensors. Readers and the strict check of names and shapes follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sampan.config import ModelConfig


class Checkpoint(Protocol):
    """Named tensors, read lazily."""

    config: ModelConfig

    def names(self) -> Sequence[str]:
        """Names of all tensors."""

    def get(self, name: str) -> npt.NDArray[np.float32]:
        """One tensor in float32."""


def verify(checkpoint: Checkpoint) -> None:
    """Checks that names and shapes are the model's."""
