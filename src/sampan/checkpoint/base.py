"""What a checkpoint is to everyone who reads one, whatever the files look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sampan.checkpoint.dtypes import Array, Float32Array
from sampan.config import ModelConfig


@dataclass(frozen=True, slots=True)
class RawTensor:
    """A tensor as it is stored.

    Args:
        dtype: `fp32`, `fp16`, `bf16`, or another name of `sampan.checkpoint.dtypes`.
        shape: as stored; a linear weight is [out, in].
        data: read-only, in `shape`; bfloat16 as its bits in uint16. Its memory need not be aligned to the element size.
        file: where it is stored.
    """

    dtype: str
    shape: tuple[int, ...]
    data: Array
    file: Path


class Checkpoint(Protocol):
    """A configuration and named tensors under Hugging Face's names, each read when it is asked for."""

    config: ModelConfig
    path: Path

    def names(self) -> Sequence[str]:
        """All stored names, in no promised order."""

    def get(self, name: str) -> Float32Array:
        """A fresh float32 copy that the caller may keep and change.

        Raises:
            CheckpointError: no such tensor, not a float, or the file changed since it was opened.
        """

    def raw(self, name: str) -> RawTensor:
        """The stored elements without a copy, for packing one tensor at a time. The file must not be made shorter while
        `data` is in use: the system would end the process (SIGBUS).

        Raises:
            CheckpointError: no such tensor, or the file changed since it was opened.
        """
